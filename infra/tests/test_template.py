"""Tests of the template: its permissions, and that its names match those in the definition and in the code."""

import json
import pathlib
import re
import unittest

from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "infra/template.yaml").read_text())
RESOURCES = TEMPLATE["Resources"]
DEFINITION = (ROOT / "statemachine.asl.json").read_text()

# The objects that each function may read and write. It may access no others.
SETTINGS, PROVIDERS, BOUNDARIES = "config/settings_{stage}.json", "config/providers_{stage}.json", "boundaries/*"
READS = {
    "PlanBlocksFunction": {SETTINGS, PROVIDERS, BOUNDARIES, "{stage}/runs/*"},
    "ExtractFunction": {
        SETTINGS,
        PROVIDERS,
        "{stage}/*/extract.json",
        "{stage}/*/trips.*json",
        "{stage}/*/telemetry.json",
    },
    "SyncDbFunction": {
        SETTINGS,
        PROVIDERS,
        BOUNDARIES,
        "{stage}/*/trips.json",
        "{stage}/*/extract.json",
        "{stage}/*/rejects.json",
        "{stage}/*/publish.json",
    },
    "SyncSocrataFunction": {SETTINGS, "{stage}/*/publish.json"},
}
# Of these, a function may also read what they were when its run was planned.
READS_VERSIONS = {
    "PlanBlocksFunction": set(),
    "ExtractFunction": {SETTINGS, PROVIDERS},
    "SyncDbFunction": {SETTINGS, PROVIDERS, BOUNDARIES},
    "SyncSocrataFunction": {SETTINGS},
}
WRITES = {
    "PlanBlocksFunction": {"{stage}/runs/*"},
    "ExtractFunction": {"{stage}/*/trips.*json", "{stage}/*/telemetry.json", "{stage}/*/extract.json"},
    "SyncDbFunction": {"{stage}/*/rejects.json", "{stage}/*/publish.json"},
    # Of a block that was loaded before there was a ledger, it writes the rows anew.
    "SyncSocrataFunction": {"{stage}/*/publish.json"},
}
ALL_RESOURCES = {"LogsAndTraces"}


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(name):
    policies = RESOURCES[name]["Properties"]["Policies"]
    documents = [policy.get("PolicyDocument", policy) for policy in policies]
    return [statement for document in documents for statement in document["Statement"]]


def keys(statement):
    """The object keys that a statement covers."""
    texts = (as_list(resource["Fn::Sub"])[0] for resource in as_list(statement["Resource"]))
    return {text.replace("${Bucket.Arn}/", "").replace("${Stage}", "{stage}") for text in texts}


def of_type(kind):
    return {name: it["Properties"] for name, it in RESOURCES.items() if it["Type"] == kind}


class Policies(unittest.TestCase):
    def test_each_function_reaches_its_own_objects_and_no_others(self):
        self.assertEqual(set(of_type("AWS::Serverless::Function")), set(READS))
        for name in READS:
            by_action = {"s3:GetObject": set(), "s3:GetObjectVersion": set(), "s3:PutObject": set()}
            for statement in statements(name):
                for action in by_action.keys() & set(as_list(statement["Action"])):
                    by_action[action] |= keys(statement)
            self.assertEqual(by_action["s3:GetObject"], READS[name], name)
            self.assertEqual(by_action["s3:GetObjectVersion"], READS_VERSIONS[name], name)
            self.assertEqual(by_action["s3:PutObject"], WRITES[name], name)

    def test_functions_have_no_permissions_except_for_objects_and_their_secret(self):
        allowed = {
            "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket",
            "secretsmanager:GetSecretValue",
        }  # fmt: skip
        for name in READS:
            for statement in statements(name):
                actions = set(as_list(statement["Action"]))
                self.assertLessEqual(actions, allowed, name)
                if "secretsmanager:GetSecretValue" in actions:
                    self.assertEqual(statement["Resource"], {"Ref": "FernetKey"})

    def test_no_role_has_all_actions_or_unexplained_resources(self):
        for name in [*READS, "StateMachine", "SchedulerRole"]:
            for statement in statements(name):
                self.assertEqual(statement["Effect"], "Allow")
                for action in as_list(statement["Action"]):
                    self.assertNotIn("*", action, name)
                if statement["Resource"] == "*":
                    self.assertIn(statement["Sid"], ALL_RESOURCES)

    def test_the_state_machine_calls_the_four_functions_and_the_schedules_start_it(self):
        called = [s for s in statements("StateMachine") if s["Action"] == "lambda:InvokeFunction"]
        functions = [{"Fn::GetAtt": [name, "Arn"]} for name in READS]
        self.assertEqual(called[0]["Resource"], functions)
        started = [s for s in statements("SchedulerRole") if s["Action"] == "states:StartExecution"]
        self.assertEqual(started[0]["Resource"], {"Ref": "StateMachine"})


class Names(unittest.TestCase):
    def test_the_definition_gets_every_value_that_it_names(self):
        given = RESOURCES["StateMachine"]["Properties"]["DefinitionSubstitutions"]
        self.assertEqual(set(given), set(re.findall(r"\$\{(\w+)\}", DEFINITION)))

    def test_no_partition_is_fixed(self):
        for name, text in (("template", (ROOT / "infra/template.yaml").read_text()), ("definition", DEFINITION)):
            self.assertEqual(re.findall(r"arn:aws[\w-]*:\S*", text), [], name)

    def test_tasks_wait_longer_than_functions_run(self):
        timeout = TEMPLATE["Globals"]["Function"]["Timeout"]
        waits = [int(n) for n in re.findall(r'"TimeoutSeconds": (\d+)', DEFINITION)]
        self.assertTrue(all(wait > timeout for wait in waits))

    def test_schedules_send_requests_that_the_planner_takes(self):
        event = (ROOT / "crates/pipeline/src/event.rs").read_text()
        request = re.search(r"pub struct PlanRequest \{(.*?)\n\}", event, re.DOTALL).group(1)
        fields = set(re.findall(r"pub (\w+):", request))
        self.assertIn("scheduled_time", fields)
        schedules = of_type("AWS::Scheduler::Schedule")
        self.assertEqual(len(schedules), 3)
        for name, schedule in schedules.items():
            text = schedule["Target"]["Input"]["Fn::Sub"].replace("${LagHours}", "30")
            sent = json.loads(text)
            self.assertLessEqual(set(sent), fields, name)
            self.assertEqual(sent["scheduled_time"], "<aws.scheduler.scheduled-time>")

    def test_each_night_sweeps_and_audits_and_publishes_nothing_for_its_own_sake(self):
        inputs = {}
        for name, schedule in of_type("AWS::Scheduler::Schedule").items():
            inputs[name] = json.loads(schedule["Target"]["Input"]["Fn::Sub"].replace("${LagHours}", "30"))
        self.assertTrue(inputs["NightlySweepSchedule"]["incomplete_only"])
        self.assertTrue(inputs["NightlyAuditSchedule"]["audit"])
        self.assertEqual(inputs["NightlyAuditSchedule"]["interval"], 30 * 24)
        self.assertFalse(any("force" in sent for sent in inputs.values()))

    def test_alarms_watch_metrics_that_the_functions_write(self):
        sources = "".join(
            path.read_text()
            for folder in ("crates/telemetry/src", "crates/lambda-kit/src")
            for path in (ROOT / folder).rglob("*.rs")
        )
        alarms = of_type("AWS::CloudWatch::Alarm")
        ours = [alarm for alarm in alarms.values() if alarm["Namespace"] == "mds-etl"]
        self.assertEqual([alarm["MetricName"] for alarm in ours], ["BlocksPublished"])
        for text in ("BlocksPublished", "Stage", "mds-etl"):
            self.assertIn(f'"{text}"', sources)
        for alarm in alarms.values():
            self.assertEqual(alarm["AlarmActions"], [{"Ref": "Alarms"}])


class Keeping(unittest.TestCase):
    def test_bucket_and_key_are_private_and_outlive_the_stack(self):
        for name in ("Bucket", "FernetKey"):
            self.assertEqual(RESOURCES[name]["DeletionPolicy"], "Retain")
            self.assertEqual(RESOURCES[name]["UpdateReplacePolicy"], "Retain")
        bucket = RESOURCES["Bucket"]["Properties"]
        self.assertEqual(set(bucket["PublicAccessBlockConfiguration"].values()), {True})
        self.assertEqual(bucket["VersioningConfiguration"]["Status"], "Enabled")
        self.assertIn("BucketEncryption", bucket)

    def test_archives_never_expire(self):
        for rule in RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
            if "ExpirationInDays" in rule:
                self.assertTrue(rule["Prefix"]["Fn::Sub"][0].endswith("/runs/"))

    def test_no_secret_stands_in_the_template(self):
        self.assertNotIn("SecretString", RESOURCES["FernetKey"]["Properties"])


if __name__ == "__main__":
    unittest.main()
