"""Tests of the ways to deploy: what each parameter changes, and which combinations the rules refuse."""

import json
import unittest

from cloudformation import Stack, allowed

KEY = "arn:aws:kms:us-east-1:123456789012:key/stack"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fernet-AbCdEf"


class Rules(unittest.TestCase):
    def assert_refused(self, text, **parameters):
        self.assertIn(text, " ".join(Stack(**parameters).broken_rules()))

    def test_the_defaults_and_every_way_of_the_documents_are_accepted(self):
        for parameters in (
            {},
            {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0a"},
            {
                "SubnetIds": "subnet-0a", "SecurityGroupIds": "sg-0a", "VpcId": "vpc-0a",
                "RouteTableIds": "rtb-0a,rtb-0b",
            },
            {"ExistingBucketName": "years-of-archives", "ExistingBucketKmsKeyArn": KEY},
            {"ExistingFernetKeySecretArn": SECRET, "SecretKmsKeyArns": KEY},
            {
                "KmsKeyArn": KEY, "ObjectLockDays": 365, "AccessLogBucketName": "access-logs",
                "AdministratorRoleArns": "arn:aws:iam::123456789012:role/admin", "ArchiveRetentionDays": 3650,
            },
        ):  # fmt: skip
            self.assertEqual(Stack(**parameters).broken_rules(), [], parameters)

    def test_half_of_a_pair_is_refused(self):
        self.assert_refused("SubnetIds requires SecurityGroupIds", SubnetIds="subnet-0a")
        self.assert_refused("SecurityGroupIds requires SubnetIds", SecurityGroupIds="sg-0a")
        self.assert_refused("requires RouteTableIds", VpcId="vpc-0a")
        self.assert_refused("requires VpcId", RouteTableIds="rtb-0a")
        self.assert_refused("requires ExistingBucketName", ExistingBucketKmsKeyArn=KEY)

    def test_what_would_not_reach_an_existing_bucket_is_refused(self):
        for parameter, value in {
            "ObjectLockDays": 30,
            "ArchiveRetentionDays": 365,
            "AccessLogBucketName": "access-logs",
            "AdministratorRoleArns": "arn:aws:iam::123456789012:role/admin",
        }.items():
            self.assert_refused(parameter, ExistingBucketName="years-of-archives", **{parameter: value})
        self.assert_refused(
            "FernetKeyReplicaRegion", ExistingFernetKeySecretArn=SECRET, FernetKeyReplicaRegion="us-west-2"
        )


class Ways(unittest.TestCase):
    def test_the_defaults_create_a_bucket_and_a_secret_and_no_network(self):
        stack = Stack()
        for name in ("Bucket", "BucketPolicy", "FernetKey"):
            self.assertIn(name, stack.resources)
        for name in ("S3Endpoint", "NetworkPolicy", "KmsPolicy"):
            self.assertNotIn(name, stack.resources)
        for function in stack.of_type("AWS::Lambda::Function").values():
            self.assertNotIn("VpcConfig", function)
            self.assertNotIn("ReservedConcurrentExecutions", function)

    def test_an_existing_bucket_and_secret_are_used_and_not_touched(self):
        stack = Stack(ExistingBucketName="years-of-archives", ExistingFernetKeySecretArn=SECRET)
        for name in ("Bucket", "BucketPolicy", "FernetKey"):
            self.assertNotIn(name, stack.resources)
        outputs = stack.outputs()
        self.assertEqual((outputs["BucketName"], outputs["FernetKeySecret"]), ("years-of-archives", SECRET))
        given = stack.properties("StateMachine")["DefinitionSubstitutions"]
        self.assertEqual(given["BucketName"], "years-of-archives")

    def test_a_gateway_endpoint_serves_the_route_tables(self):
        endpoint = Stack(VpcId="vpc-0a", RouteTableIds="rtb-0a,rtb-0b").properties("S3Endpoint")
        self.assertEqual(endpoint["VpcEndpointType"], "Gateway")
        self.assertEqual(endpoint["ServiceName"], "com.amazonaws.us-east-1.s3")
        self.assertEqual(endpoint["RouteTableIds"], ["rtb-0a", "rtb-0b"])

    def test_a_customer_key_encrypts_what_the_stack_creates(self):
        stack = Stack(KmsKeyArn=KEY)
        encryption = stack.properties("Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        self.assertEqual(
            encryption[0]["ServerSideEncryptionByDefault"], {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        )
        self.assertEqual(stack.properties("FernetKey")["KmsKeyId"], KEY)
        groups = stack.of_type("AWS::Logs::LogGroup")
        self.assertEqual({it["KmsKeyId"] for it in groups.values()}, {KEY})
        self.assertEqual(len(groups), 5)
        self.assertEqual(stack.properties("Alarms")["KmsMasterKeyId"], KEY)
        # Without it, the alarms have a key of their own: the one that AWS manages does not let CloudWatch send.
        self.assertFalse(stack.of_type("AWS::KMS::Key"))
        self.assertEqual(Stack().properties("Alarms")["KmsMasterKeyId"], Stack().arn("AlarmsKey"))

    def test_a_copy_of_the_secret_is_in_another_region_if_asked_for(self):
        self.assertEqual(
            Stack(FernetKeyReplicaRegion="us-west-2").properties("FernetKey")["ReplicaRegions"], [{"Region": "us-west-2"}]
        )
        self.assertNotIn("ReplicaRegions", Stack().properties("FernetKey"))

    def test_object_lock_and_access_logs_are_there_if_asked_for(self):
        bucket = Stack(ObjectLockDays=365, AccessLogBucketName="access-logs").properties("Bucket")
        self.assertIs(bucket["ObjectLockEnabled"], True)
        retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        self.assertEqual(retention, {"Mode": "GOVERNANCE", "Days": "365"})
        self.assertEqual(bucket["LoggingConfiguration"]["DestinationBucketName"], "access-logs")
        plain = Stack().properties("Bucket")
        for name in ("ObjectLockEnabled", "ObjectLockConfiguration", "LoggingConfiguration"):
            self.assertNotIn(name, plain)

    def test_only_the_named_roles_configure(self):
        admin = "arn:aws:iam::123456789012:role/admin"
        statements = Stack(AdministratorRoleArns=f"{admin},arn:aws:iam::123456789012:role/sso/*").properties(
            "BucketPolicy"
        )["PolicyDocument"]["Statement"]
        asked = [{"Effect": "Allow", "Action": "*", "Resource": "*"}, *statements]
        tls = {"aws__SecureTransport": "true"}
        settings = "arn:aws:s3:::bucket/config/settings_staging.json"
        for principal in (admin, "arn:aws:iam::123456789012:role/sso/city-admin"):
            self.assertTrue(allowed(asked, "s3:PutObject", settings, aws__PrincipalArn=principal, **tls))
        function = "arn:aws:iam::123456789012:role/mds-etl-ExtractFunctionRole"
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"):
            self.assertFalse(allowed(asked, action, settings, aws__PrincipalArn=function, **tls))
        archive = "arn:aws:s3:::bucket/staging/bird/2020/1/1/22/trips.json"
        self.assertTrue(allowed(asked, "s3:PutObject", archive, aws__PrincipalArn=function, **tls))
        self.assertTrue(allowed(asked, "s3:GetObject", settings, aws__PrincipalArn=function, **tls))

    def test_concurrency_has_a_ceiling(self):
        stack = Stack(MaxConcurrency=25, ReservedConcurrency=30)
        functions = stack.of_type("AWS::Lambda::Function")
        variables = functions["PlanBlocksFunction"]["Environment"]["Variables"]
        self.assertEqual(variables["MDS_MAX_CONCURRENCY"], "25")
        reserved = {name: it.get("ReservedConcurrentExecutions") for name, it in functions.items()}
        self.assertEqual(reserved.pop("PlanBlocksFunction"), None)
        self.assertEqual(set(reserved.values()), {"30"})

    def test_the_planner_knows_the_lag_of_the_schedules(self):
        stack = Stack(LagHours=72)
        variables = stack.of_type("AWS::Lambda::Function")["PlanBlocksFunction"]["Environment"]["Variables"]
        self.assertEqual(variables["MDS_LAG_HOURS"], "72")

    def test_the_planner_and_the_alarm_have_the_same_threshold(self):
        stack = Stack(HoursBehindThreshold=48)
        variables = stack.of_type("AWS::Lambda::Function")["PlanBlocksFunction"]["Environment"]["Variables"]
        self.assertEqual(variables["MDS_HOURS_BEHIND_THRESHOLD"], "48")
        self.assertEqual(stack.properties("HoursBehindAlarm")["Threshold"], "48")

    def test_a_new_configuration_version_replaces_every_environment(self):
        functions = Stack(ConfigVersion="2").of_type("AWS::Lambda::Function")
        versions = [it["Environment"]["Variables"]["MDS_CONFIG_VERSION"] for it in functions.values()]
        self.assertEqual(versions, ["2"] * 4)

    def test_nothing_of_another_stage_is_named(self):
        stack = Stack(RunMode="PRODUCTION")
        self.assertNotIn("staging", json.dumps(stack.resources).lower())


if __name__ == "__main__":
    unittest.main()
