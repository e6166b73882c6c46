"""Tests of every permission: those of the functions, the state machine, the schedules and people, in several deployments."""

import re
import unittest

from cloudformation import ACCOUNT, ROOT, Stack, allowed, as_list

DATABASE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds-AbCdEf"
OWNER = "arn:aws:secretsmanager:us-east-1:123456789012:secret:owner-AbCdEf"
FERNET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fernet-AbCdEf"
KEY = "arn:aws:kms:us-east-1:123456789012:key/"
PLAIN = Stack()
VPC = Stack(SubnetIds="subnet-0a", SecurityGroupIds="sg-0a")
ADOPTED = Stack(
    RunMode="PRODUCTION",
    ExistingBucketName="years-of-archives",
    ExistingBucketKmsKeyArn=f"{KEY}bucket",
    ExistingFernetKeySecretArn=FERNET,
    SecretKmsKeyArns=f"{KEY}secrets",
    DatabaseSecretArns=DATABASE,
    MigrationDatabaseSecretArn=OWNER,
)
ENCRYPTED = Stack(KmsKeyArn=f"{KEY}stack")

# The objects that each function may read and write. It may access no others.
SETTINGS, PROVIDERS, BOUNDARIES = "config/settings_{stage}.json", "config/providers_{stage}.json", "boundaries/*"
# The certificates that DATABASE_CA names.
AUTHORITIES = "config/*.pem"
READS = {
    "PlanBlocksFunction": {SETTINGS, PROVIDERS, AUTHORITIES, BOUNDARIES, "{stage}/runs/*"},
    "ExtractFunction": {
        SETTINGS,
        PROVIDERS,
        AUTHORITIES,
        "{stage}/*/extract.json",
        "{stage}/*/trips.*json",
        "{stage}/*/telemetry.json",
    },
    "SyncDbFunction": {
        SETTINGS,
        PROVIDERS,
        AUTHORITIES,
        BOUNDARIES,
        "{stage}/*/trips.json",
        "{stage}/*/extract.json",
        "{stage}/*/rejects.json",
        "{stage}/*/publish.json",
    },
    "SyncSocrataFunction": {SETTINGS, AUTHORITIES, "{stage}/*/publish.json"},
}
# Of these, a function may also read what they were when its run was planned.
READS_VERSIONS = {
    "PlanBlocksFunction": {SETTINGS, PROVIDERS},
    "ExtractFunction": {SETTINGS, PROVIDERS},
    "SyncDbFunction": {SETTINGS, PROVIDERS, BOUNDARIES},
    "SyncSocrataFunction": {SETTINGS},
}
WRITES = {
    "PlanBlocksFunction": {"{stage}/runs/*", "{stage}/status.html"},
    "ExtractFunction": {"{stage}/*/trips.*json", "{stage}/*/telemetry.json", "{stage}/*/extract.json"},
    "SyncDbFunction": {"{stage}/*/rejects.json", "{stage}/*/publish.json"},
    # Of a block that was loaded before there was a ledger, it writes the rows anew.
    "SyncSocrataFunction": {"{stage}/*/publish.json"},
}
# The statements whose actions know no resources.
ALL_RESOURCES = {
    "LogsAndTraces", "Traces", "NetworkInterfaces", "NotByTheCode", "FindStateMachine", "FindSchedules",
    "QueriesMetricsAndAlarms",
}  # fmt: skip
POLICIES_FOR_PEOPLE = ("OperatorPolicy", "AdministratorPolicy", "KeyRotationPolicy", "AirflowPolicy")


def role(function):
    return f"{function}Role"


def keys(stack, name, action):
    """The object keys for which a function has a permission."""
    bucket, stage = ("years-of-archives", "production") if stack is ADOPTED else ("bucket", "staging")
    found = set()
    for statement in stack.statements(role(name)):
        if action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                start = f"arn:aws:s3:::{bucket}/"
                assert resource.startswith(start), resource
                found.add(resource.removeprefix(start).replace(stage, "{stage}"))
    return found


class Functions(unittest.TestCase):
    def test_each_function_reaches_its_own_objects_and_no_others(self):
        for stack in (PLAIN, VPC, ADOPTED, ENCRYPTED):
            self.assertEqual(set(stack.of_type("AWS::Lambda::Function")), set(READS))
            for name in READS:
                self.assertEqual(stack.properties(name)["Role"], stack.arn(role(name)))
                self.assertEqual(keys(stack, name, "s3:GetObject"), READS[name], name)
                self.assertEqual(keys(stack, name, "s3:GetObjectVersion"), READS_VERSIONS[name], name)
                self.assertEqual(keys(stack, name, "s3:PutObject"), WRITES[name], name)

    def test_functions_have_no_other_permissions(self):
        usual = {
            "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket",
            "s3:ListBucketMultipartUploads", "secretsmanager:GetSecretValue", "logs:CreateLogStream",
            "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
        }  # fmt: skip
        kms = {"kms:Decrypt", "kms:GenerateDataKey"}
        network = {
            "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
        }  # fmt: skip
        for stack, also in ((PLAIN, set()), (VPC, network), (ADOPTED, kms), (ENCRYPTED, kms)):
            for name in READS:
                statements = [it for it in stack.statements(role(name)) if it["Effect"] == "Allow"]
                actions = {action for it in statements for action in as_list(it["Action"])}
                self.assertEqual(actions - usual, also, name)

    def test_a_function_writes_into_its_own_log_group(self):
        for name in READS:
            group = name.replace("Function", "Logs")
            statements = PLAIN.statements(role(name))
            written = [it["Resource"] for it in statements if "logs:PutLogEvents" in as_list(it["Action"])]
            self.assertEqual(written, [PLAIN.arn(group)])
            self.assertEqual(PLAIN.properties(name)["LoggingConfig"]["LogGroup"], group)

    def test_lambda_makes_network_interfaces_and_the_code_does_not(self):
        for name in READS:
            statements = VPC.statements(role(name))
            code = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:mds-etl-{name}"
            for action in ("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses"):
                self.assertTrue(allowed(statements, action), name)
                self.assertFalse(allowed(statements, action, lambda__SourceFunctionArn=code), name)
                self.assertFalse(allowed(PLAIN.statements(role(name)), action), name)

    def test_a_function_reads_only_the_secrets_that_the_deployment_names(self):
        def secrets(stack, name):
            read = [it for it in stack.statements(role(name)) if it["Action"] == "secretsmanager:GetSecretValue"]
            return {arn for it in read for arn in as_list(it["Resource"])}

        for name in READS:
            self.assertEqual(secrets(PLAIN, name), {PLAIN.arn("FernetKey")})
            owner = {OWNER} if name == "PlanBlocksFunction" else set()
            self.assertEqual(secrets(ADOPTED, name), {FERNET, DATABASE} | owner)

    def test_customer_keys_are_used_and_no_others(self):
        for name in READS:
            statements = ADOPTED.statements(role(name))
            self.assertTrue(allowed(statements, "kms:GenerateDataKey", f"{KEY}bucket"))
            self.assertTrue(allowed(statements, "kms:Decrypt", f"{KEY}secrets"))
            self.assertFalse(allowed(statements, "kms:GenerateDataKey", f"{KEY}secrets"))
            self.assertTrue(allowed(ENCRYPTED.statements(role(name)), "kms:GenerateDataKey", f"{KEY}stack"))
            self.assertFalse(allowed(PLAIN.statements(role(name)), "kms:Decrypt", f"{KEY}stack"))

    def test_objects_and_secret_of_an_adopted_bucket_are_those_of_the_functions(self):
        for function in ADOPTED.of_type("AWS::Lambda::Function").values():
            variables = function["Environment"]["Variables"]
            self.assertEqual(variables["ATD_MDS_BUCKET"], "years-of-archives")
            self.assertEqual(variables["ATD_MDS_FERNET_KEY_SECRET"], FERNET)


class Machine(unittest.TestCase):
    def test_the_state_machine_calls_every_version_of_the_four_functions_and_nothing_else(self):
        statements = PLAIN.statements("StateMachineRole")
        for name in READS:
            for version in (1, 7, 48):
                self.assertTrue(allowed(statements, "lambda:InvokeFunction", f"{PLAIN.arn(name)}:{version}"))
            # For executions of a definition that named no versions yet.
            self.assertTrue(allowed(statements, "lambda:InvokeFunction", PLAIN.arn(name)))
        given = PLAIN.properties("StateMachine")["DefinitionSubstitutions"]
        called = [value for name, value in given.items() if name.endswith("FunctionArn")]
        self.assertEqual(len(called), len(READS))
        for arn in called:
            self.assertTrue(allowed(statements, "lambda:InvokeFunction", arn))
        for other in ("2", "2:1"):
            self.assertFalse(allowed(statements, "lambda:InvokeFunction", PLAIN.arn("ExtractFunction") + other))

    def test_it_follows_its_items_by_both_forms_of_their_arns(self):
        statements = PLAIN.statements("StateMachineRole")
        start = f"arn:aws:states:us-east-1:{ACCOUNT}"
        for arn in (f"{start}:execution:mds-etl:a", f"{start}:execution:mds-etl/Blocks:a"):
            for action in ("states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"):
                self.assertTrue(allowed(statements, action, arn), arn)
        self.assertFalse(allowed(statements, "states:StopExecution", f"{start}:execution:mds-etl-production:a"))
        self.assertTrue(allowed(statements, "states:StartExecution", f"{start}:stateMachine:mds-etl"))

    def test_it_reads_manifests_and_writes_results_with_the_key_of_the_bucket(self):
        for stack, bucket in ((PLAIN, "bucket/staging"), (ADOPTED, "years-of-archives/production")):
            statements = stack.statements("StateMachineRole")
            self.assertTrue(allowed(statements, "s3:GetObject", f"arn:aws:s3:::{bucket}/runs/1/manifest.json"))
            self.assertTrue(allowed(statements, "s3:PutObject", f"arn:aws:s3:::{bucket}/runs/map-results/1"))
            self.assertFalse(allowed(statements, "s3:PutObject", f"arn:aws:s3:::{bucket}/runs/1/manifest.json"))
            self.assertFalse(allowed(statements, "s3:GetObject", f"arn:aws:s3:::{bucket}/bird/trips.json"))
        self.assertTrue(allowed(ADOPTED.statements("StateMachineRole"), "kms:GenerateDataKey", f"{KEY}bucket"))

    def test_schedules_start_it_and_nothing_else(self):
        statements = PLAIN.statements("SchedulerRole")
        self.assertTrue(allowed(statements, "states:StartExecution", PLAIN.arn("StateMachine")))
        self.assertFalse(allowed(statements, "states:StartExecution", PLAIN.arn("StateMachine") + "2"))


class Everyone(unittest.TestCase):
    def documents(self, stack):
        for name in stack.of_type("AWS::IAM::Role"):
            yield name, stack.statements(name)
        for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items():
            yield name, policy["PolicyDocument"]["Statement"]

    def test_no_policy_has_all_actions_or_unexplained_resources(self):
        for stack in (PLAIN, VPC, ADOPTED, ENCRYPTED):
            for name, statements in self.documents(stack):
                self.assertTrue(statements, name)
                for statement in statements:
                    for action in as_list(statement["Action"]):
                        self.assertNotIn("*", action, name)
                    if "*" in as_list(statement["Resource"]):
                        self.assertIn(statement["Sid"], ALL_RESOURCES, name)

    def test_a_role_is_only_for_its_service_in_this_account(self):
        for name, it in PLAIN.of_type("AWS::IAM::Role").items():
            for statement in it["AssumeRolePolicyDocument"]["Statement"]:
                self.assertEqual(statement["Condition"]["StringEquals"]["aws:SourceAccount"], ACCOUNT, name)

    def test_no_role_has_a_managed_policy_of_aws(self):
        for name, it in VPC.of_type("AWS::IAM::Role").items():
            for arn in it.get("ManagedPolicyArns", []):
                self.assertNotIn(":iam::aws:", arn, name)


class People(unittest.TestCase):
    def statements(self, name, stack=PLAIN):
        return stack.properties(name)["PolicyDocument"]["Statement"]

    def test_there_are_outputs_for_the_policies(self):
        values = PLAIN.outputs().values()
        for name in POLICIES_FOR_PEOPLE:
            self.assertIn(PLAIN.arn(name), values)

    def test_there_is_an_output_for_customer_keys_if_there_are_any(self):
        self.assertEqual(ADOPTED.outputs()["KmsPolicyArn"], ADOPTED.arn("KmsPolicy"))
        self.assertNotIn("KmsPolicyArn", PLAIN.outputs())

    def test_an_operator_runs_and_follows_and_reads_no_trip_and_no_secret(self):
        statements = self.statements("OperatorPolicy")
        start = f"arn:aws:states:us-east-1:{ACCOUNT}"
        self.assertTrue(allowed(statements, "states:StartExecution", PLAIN.arn("StateMachine")))
        for action in ("DescribeExecution", "StopExecution", "RedriveExecution", "GetExecutionHistory", "ListMapRuns"):
            for arn in (f"{start}:execution:mds-etl:a", f"{start}:execution:mds-etl/Blocks:a"):
                self.assertTrue(allowed(statements, f"states:{action}", arn), action)
        for action in ("DescribeMapRun", "UpdateMapRun", "ListExecutions"):
            self.assertTrue(allowed(statements, f"states:{action}", f"{start}:mapRun:mds-etl/Blocks:a"), action)
        self.assertTrue(allowed(statements, "logs:FilterLogEvents", PLAIN.arn("ExtractLogs")))
        for queue in ("NotStarted", "NotSent"):
            self.assertTrue(allowed(statements, "sqs:ReceiveMessage", PLAIN.attribute(queue, "Arn")))
        self.assertFalse(allowed(statements, "s3:GetObject", "arn:aws:s3:::bucket/staging/bird/2020/1/1/22/trips.json"))
        actions = {action for it in statements for action in as_list(it["Action"])}
        self.assertFalse([it for it in actions if it.startswith(("secretsmanager:", "lambda:", "iam:"))])
        self.assertEqual([it for it in actions if it.startswith("s3:")], ["s3:GetObject"])

    def test_an_operator_may_do_what_the_runbook_says(self):
        stack = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/mds-etl/1b2c"
        for it, bucket in ((PLAIN, "bucket/staging"), (ADOPTED, "years-of-archives/production")):
            statements = self.statements("OperatorPolicy", it)
            self.assertTrue(allowed(statements, "cloudformation:DescribeStacks", stack))
            self.assertTrue(allowed(statements, "scheduler:ListSchedules", "*"))
            self.assertTrue(allowed(statements, "s3:GetObject", f"arn:aws:s3:::{bucket}/status.html"))

    def test_the_runbook_reads_outputs_of_the_stack(self):
        documents = [ROOT / "docs/RUNBOOK.md", ROOT / "infra/README.md", ROOT / "README.md"]
        named = {name for it in documents for name in re.findall(r"\$\(output (\w+)\)", it.read_text())}
        self.assertLessEqual({"StateMachineArn", "ExtractLogGroup", "NotStartedQueueUrl"}, named)
        self.assertLessEqual(named, set(PLAIN.outputs()))
        for it in documents:
            self.assertNotIn("/aws/lambda/", it.read_text(), it)

    def test_airflow_starts_and_follows(self):
        statements = self.statements("AirflowPolicy")
        actions = {action for it in statements for action in as_list(it["Action"])}
        self.assertEqual(actions, {"states:StartExecution", "states:DescribeExecution"})
        execution = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:mds-etl:a"
        self.assertTrue(allowed(statements, "states:DescribeExecution", execution))

    def test_an_administrator_configures_and_reads_no_trip(self):
        for stack, bucket in ((PLAIN, "bucket"), (ADOPTED, "years-of-archives")):
            statements = self.statements("AdministratorPolicy", stack)
            for key in ("config/settings_staging.json", "boundaries/cell.json"):
                self.assertTrue(allowed(statements, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}"))
            stage = "production" if stack is ADOPTED else "staging"
            for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
                self.assertTrue(allowed(statements, action, f"arn:aws:s3:::{bucket}/{stage}/doctor/1.json"))
                self.assertFalse(allowed(statements, action, f"arn:aws:s3:::{bucket}/{stage}/bird/2020/1/1/22/trips.json"))
            described = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/mds-etl/1b2c"
            self.assertTrue(allowed(statements, "cloudformation:DescribeStacks", described))
            secret = FERNET if stack is ADOPTED else PLAIN.arn("FernetKey")
            self.assertTrue(allowed(statements, "secretsmanager:PutSecretValue", secret))
            self.assertTrue(allowed(statements, "secretsmanager:RestoreSecret", secret))
            self.assertTrue(allowed(statements, "lambda:InvokeFunction", stack.arn("PlanBlocksFunction") + ":live"))
            # `mds doctor` and `mds migrate` connect with the logins that the settings name.
            for login in (DATABASE, OWNER):
                read = allowed(statements, "secretsmanager:GetSecretValue", login)
                self.assertEqual(read, stack is ADOPTED)
                self.assertFalse(allowed(statements, "secretsmanager:PutSecretValue", login))

    def test_a_rotation_replaces_everything_of_the_stage(self):
        statements = self.statements("KeyRotationPolicy")
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObjectVersion"):
            self.assertTrue(allowed(statements, action, "arn:aws:s3:::bucket/staging/bird/2020/1/1/22/trips.json"))
            self.assertFalse(allowed(statements, action, "arn:aws:s3:::bucket/production/bird/2020/1/1/22/trips.json"))

    def test_who_rotates_the_key_may_do_every_step_of_the_page(self):
        for stack, bucket, stage in ((PLAIN, "bucket", "staging"), (ADOPTED, "years-of-archives", "production")):
            both = [*self.statements("AdministratorPolicy", stack), *self.statements("KeyRotationPolicy", stack)]
            secret = FERNET if stack is ADOPTED else PLAIN.arn("FernetKey")
            for action in ("GetSecretValue", "PutSecretValue"):
                self.assertTrue(allowed(both, f"secretsmanager:{action}", secret))
            for action in ("s3:ListBucket", "s3:ListBucketVersions"):
                self.assertTrue(allowed(both, action, f"arn:aws:s3:::{bucket}"))
            # Without --prefix, the command lists the bucket and goes through all that it holds, in the order of the keys. The
            # former versions are read when somebody restores what was replaced.
            for key in ("boundaries/cell.json", f"config/settings_{stage}.json", f"{stage}/bird/2020/1/1/22/trips.json"):
                for action in ("GetObject", "PutObject", "GetObjectVersion", "DeleteObjectVersion"):
                    self.assertTrue(allowed(both, f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}"), f"{action} {key}")


if __name__ == "__main__":
    unittest.main()
