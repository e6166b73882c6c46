"""Tests of the template: that its names match those in the definition and in the code, and that nothing is lost with a stack."""

import json
import re
import unittest

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from cloudformation import ROOT, TEMPLATE_FILE, Stack, translated
from samcli.yamlhelper import yaml_parse

TEMPLATE = yaml_parse(TEMPLATE_FILE.read_text())
DEFINITION = (ROOT / "statemachine.asl.json").read_text()
STACK = Stack()


class Names(unittest.TestCase):
    def test_the_definition_gets_every_value_that_it_names(self):
        given = STACK.properties("StateMachine")["DefinitionSubstitutions"]
        self.assertEqual(set(given), set(re.findall(r"\$\{(\w+)\}", DEFINITION)))

    def test_no_partition_is_fixed(self):
        files = [TEMPLATE_FILE, ROOT / "statemachine.asl.json", *(ROOT / "infra/ci").glob("*.y*ml")]
        for path in files:
            self.assertEqual(re.findall(r"arn:aws[\w-]*:\S*", path.read_text()), [], path.name)

    def test_other_partitions_get_their_own_arns(self):
        for region in ("us-gov-west-1", "cn-north-1"):
            stack = Stack(region)
            partition = {"us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"}[region]
            arns = re.findall(r"arn:([\w-]+):", json.dumps(stack.resources))
            self.assertEqual(set(arns), {partition})

    def test_tasks_wait_longer_than_functions_run(self):
        timeout = TEMPLATE["Globals"]["Function"]["Timeout"]
        waits = [state["TimeoutSeconds"] for state in tasks(json.loads(DEFINITION))]
        self.assertTrue(waits)
        self.assertTrue(all(wait > timeout for wait in waits))

    def test_schedules_send_requests_that_the_planner_takes(self):
        event = (ROOT / "crates/pipeline/src/event.rs").read_text()
        request = re.search(r"pub struct PlanRequest \{(.*?)\n\}", event, re.DOTALL).group(1)
        fields = set(re.findall(r"pub (\w+):", request))
        self.assertIn("scheduled_time", fields)
        schedules = inputs(STACK)
        self.assertEqual(len(schedules), 3)
        for name, sent in schedules.items():
            self.assertLessEqual(set(sent), fields, name)
            self.assertEqual(sent["scheduled_time"], "<aws.scheduler.scheduled-time>")

    def test_no_parameter_has_a_value_that_the_planner_refuses(self):
        for parameter, file, constant in (
            ("LagHours", "config/src/environment.rs", "MAX_LAG_HOURS"),
            ("MaxConcurrency", "pipeline/src/plan.rs", "MAX_CONCURRENCY"),
        ):
            code = (ROOT / "crates" / file).read_text()
            limit = re.search(rf"pub const {constant}: u32 = ([\d_]+)(?: \* (\d+))?;", code)
            highest = int(limit[1]) * int(limit[2] or 1)
            self.assertEqual(TEMPLATE["Parameters"][parameter]["MaxValue"], highest, parameter)

    def test_each_night_sweeps_and_audits_and_publishes_nothing_for_its_own_sake(self):
        sent = inputs(Stack(SweepHours=48))
        self.assertTrue(sent["NightlySweepSchedule"]["incomplete_only"])
        self.assertEqual(sent["NightlySweepSchedule"]["interval"], 48)
        self.assertTrue(sent["NightlyAuditSchedule"]["audit"])
        self.assertEqual(sent["NightlyAuditSchedule"]["interval"], 30 * 24)
        self.assertFalse(any("force" in it for it in sent.values()))

    def test_metrics_pass_the_level_of_log_lines_in_json(self):
        for name, function in STACK.of_type("AWS::Lambda::Function").items():
            logging = function["LoggingConfig"]
            self.assertEqual(logging["LogFormat"], "JSON", name)
            # Lambda takes a line without a level, such as one of metrics, for INFO.
            self.assertIn(logging["ApplicationLogLevel"], ("INFO", "DEBUG", "TRACE"), name)
        self.assertIn('"AWS_LAMBDA_LOG_LEVEL"', (ROOT / "crates/telemetry/src/logs.rs").read_text())

    def test_the_page_of_the_deployment_lists_every_parameter(self):
        page = (ROOT / "infra/README.md").read_text()
        table = page.split("\n## Parameters\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| (`.*?) \| (.*?) \|", table, re.MULTILINE)
        named = {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}
        self.assertEqual(set(named), set(TEMPLATE["Parameters"]))
        for name, declared in TEMPLATE["Parameters"].items():
            default = str(declared["Default"]) or "none"
            if name != "StateMachineName":
                self.assertEqual(named[name].strip("`").split(" ")[0], default, name)

    def test_the_state_machine_has_the_given_name_everywhere(self):
        stack = Stack(name="s" * 100, StateMachineName="mds")
        self.assertEqual(stack.properties("StateMachine")["StateMachineName"], "mds")
        self.assertNotIn(":stateMachine:s", json.dumps(stack.properties("StateMachineRole")))
        self.assertEqual(TEMPLATE["Parameters"]["StateMachineName"]["MaxLength"], 80)


class Versions(unittest.TestCase):
    def test_the_definition_names_versions_so_that_an_execution_keeps_its_code(self):
        given = STACK.properties("StateMachine")["DefinitionSubstitutions"]
        for name in ("PlanBlocks", "Extract", "SyncDb", "SyncSocrata"):
            self.assertRegex(given[f"{name}FunctionArn"], rf":function:mds-etl-{name}Function:\d+$")

    def test_no_version_goes_while_an_execution_may_call_it(self):
        versions = [it for it in STACK.resources.values() if it["Type"] == "AWS::Lambda::Version"]
        self.assertEqual(len(versions), 4)
        for version in versions:
            self.assertEqual((version["DeletionPolicy"], version["UpdateReplacePolicy"]), ("Retain", "Retain"))

    def test_a_change_of_any_parameter_of_a_function_publishes_a_version(self):
        changes = {
            "ConfigVersion": "2",
            "RunMode": "PRODUCTION",
            "Architecture": "arm64",
            "MaxConcurrency": 7,
            "LagHours": 72,
            "HoursBehindThreshold": 48,
            "ExistingBucketName": "years-of-archives",
            "ExistingFernetKeySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:old-AbCdEf",
            "SubnetIds": "subnet-0a,subnet-0b",
            "SecurityGroupIds": "sg-0a",
        }
        before = configurations(STACK)
        others = set(TEMPLATE["Parameters"]) - set(changes)
        # Of all functions together, or a value would be in place that nothing publishes.
        used = parameters_of_functions()
        self.assertEqual(used & others, {"ReservedConcurrency"})
        for parameter, value in changes.items():
            group = {"SecurityGroupIds": "sg-0a"} if parameter == "SubnetIds" else {}
            group |= {"SubnetIds": "subnet-0a"} if parameter == "SecurityGroupIds" else {}
            for name, (function, version) in configurations(Stack(**{parameter: value, **group})).items():
                self.assertEqual(function != before[name][0], version != before[name][1], f"{parameter} of {name}")

    def test_the_texts_of_versions_fit_with_the_longest_values_that_aws_takes(self):
        longest = {
            "RunMode": "PRODUCTION",
            "ConfigVersion": "v" * 16,
            "MaxConcurrency": 10000,
            "LagHours": 8784,
            "HoursBehindThreshold": 8784,
            "ExistingBucketName": "b" * 63,
            "ExistingFernetKeySecretArn": f"arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:{'s' * 512}-AbCdEf",
            "SubnetIds": ",".join(["subnet-0123456789abcdef0"] * 16),
            "SecurityGroupIds": ",".join(["sg-0123456789abcdef0"] * 5),
        }
        stack = Stack(name="s" * 128, StateMachineName="mds", **longest)
        for _, text in configurations(stack).values():
            self.assertLessEqual(len(text[1]), longest_text("AWS::Lambda::Version"))
        description = stack.properties("ConfigurationPolicy")["Description"]
        self.assertLessEqual(len(description), longest_text("AWS::IAM::ManagedPolicy"))

    def test_a_policy_gets_another_name_with_another_description(self):
        fixed = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::IAM::ManagedPolicy").schema
        self.assertIn("/properties/Description", fixed["createOnlyProperties"])
        # A fixed name would stay, and CloudFormation could not replace the policy.
        self.assertNotIn("ManagedPolicyName", TEMPLATE["Resources"]["ConfigurationPolicy"]["Properties"])

    def test_a_change_of_the_template_publishes_a_version(self):
        for function in TEMPLATE["Resources"].values():
            if function["Type"] == "AWS::Serverless::Function":
                self.assertIs(function["Properties"]["AutoPublishAliasAllProperties"], True)


class Keeping(unittest.TestCase):
    def test_bucket_and_key_are_private_and_outlive_the_stack(self):
        for name in ("Bucket", "FernetKey"):
            # Retained unless the deployment that creates them fails.
            self.assertEqual(STACK.resources[name]["DeletionPolicy"], "RetainExceptOnCreate")
            self.assertEqual(STACK.resources[name]["UpdateReplacePolicy"], "Retain")
        bucket = STACK.properties("Bucket")
        self.assertEqual(set(bucket["PublicAccessBlockConfiguration"].values()), {True})
        self.assertEqual(bucket["VersioningConfiguration"]["Status"], "Enabled")
        self.assertIn("BucketEncryption", bucket)

    def test_archives_and_their_former_versions_stay_for_years(self):
        for rule in rules(STACK):
            reaches_archives = not rule.get("Prefix", "").startswith(("staging/runs/", "config/"))
            if reaches_archives:
                self.assertNotIn("ExpirationInDays", rule)
                days = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", 9999)
                self.assertGreaterEqual(int(days), 3 * 365, rule["Id"])

    def test_manifests_expire_and_markers_of_what_is_gone_go(self):
        by_id = {rule["Id"]: rule for rule in rules(STACK)}
        self.assertEqual(by_id["manifests-of-runs"]["Prefix"], "staging/runs/")
        self.assertEqual(by_id["manifests-of-runs"]["ExpirationInDays"], 90)
        # S3 refuses a marker's expiration in the rule of a number of days.
        self.assertEqual(set(by_id["markers-of-what-is-gone"]), {"Id", "Status", "ExpiredObjectDeleteMarker"})

    def test_archives_expire_only_where_a_parameter_says_so(self):
        expiring = [rule for rule in rules(Stack(ArchiveRetentionDays=3650)) if rule["Id"] == "archives"]
        self.assertEqual([(it["Prefix"], it["ExpirationInDays"]) for it in expiring], [("staging/", "3650")])

    def test_no_secret_stands_in_the_template(self):
        self.assertNotIn("SecretString", STACK.properties("FernetKey"))


def tasks(machine):
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        if "ItemProcessor" in state:
            yield from tasks(state["ItemProcessor"])


def inputs(stack):
    """What each schedule sends."""
    schedules = stack.of_type("AWS::Scheduler::Schedule")
    return {name: json.loads(it["Target"]["Input"]) for name, it in schedules.items()}


def rules(stack):
    return stack.properties("Bucket")["LifecycleConfiguration"]["Rules"]


def configurations(stack):
    """Of each function: what a version of it keeps, and what makes CloudFormation publish another."""
    found = {}
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        kept = {key: it for key, it in function.items() if key not in ("Role", "ReservedConcurrentExecutions")}
        (version, properties), = [
            (key, it) for key, it in stack.of_type("AWS::Lambda::Version").items() if key.startswith(f"{name}Version")
        ]
        found[name] = (kept, (version, properties["Description"]))
    return found


def longest_text(kind):
    """How long AWS lets the description of such a resource be."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return schema["properties"]["Description"]["maxLength"]


def parameters_of_functions():
    """The parameters that functions refer to, by conditions too."""
    template = translated()
    texts = [json.dumps(it["Properties"]) for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    names = set(re.findall(r"\w+", " ".join(texts)))
    named_conditions = names & set(template["Conditions"])
    names |= set(re.findall(r"\w+", json.dumps([template["Conditions"][it] for it in named_conditions])))
    return names & set(template["Parameters"])


if __name__ == "__main__":
    unittest.main()
