"""The alarms: that they watch what is written, stay quiet in daily life, and go off when something is wrong."""

import json
import re
import sys
import unittest

from cloudformation import ACCOUNT, ROOT, Stack, allowed

sys.path.insert(0, str(ROOT / "tools"))
import costs  # noqa: E402

STACK = Stack(SchedulesState="ENABLED")
ALARMS = STACK.of_type("AWS::CloudWatch::Alarm")
OURS = "mds-etl"
METRICS = (ROOT / "crates/lambda-kit/src/metrics.rs").read_text()


def breaches(alarm, value):
    threshold = float(alarm["Threshold"])
    return {
        "GreaterThanThreshold": value > threshold,
        "GreaterThanOrEqualToThreshold": value >= threshold,
        "LessThanThreshold": value < threshold,
    }[alarm["ComparisonOperator"]]


def evaluate(alarm, values):
    """The alarm's states, one for each period, by CloudWatch's rules. `values` has one for each period; None is missing data."""
    needed = int(alarm["EvaluationPeriods"])
    state = "INSUFFICIENT_DATA"
    states = []
    for now in range(len(values)):
        window = values[max(0, now - needed + 1) : now + 1]
        # A new alarm also looks at the periods before it was there, which have no data.
        window = [None] * (needed - len(window)) + window
        missing = alarm.get("TreatMissingData", "missing")
        if missing == "ignore" and None in window:
            states.append(state)
            continue
        bad = [missing == "breaching" if it is None else breaches(alarm, it) for it in window]
        state = "ALARM" if all(bad) else "OK"
        states.append(state)
    return states


def goes_off(name, values, stack=STACK):
    alarm = stack.properties(name)
    return alarm["ActionsEnabled"] and "ALARM" in evaluate(alarm, values)


def expression(name, **series):
    """The values of the alarm's expression, period by period, as metric math has them."""
    alarm = STACK.properties(name)
    formula = alarm["Metrics"][0]["Expression"]
    ids = [it["Id"] for it in alarm["Metrics"][1:]]
    values = []
    known = dict.fromkeys(ids)
    for period in zip(*(series[it] for it in ids)):
        before, known = known, dict(zip(ids, period))
        if "DIFF" in formula and None in before.values():
            values.append(None)
            continue
        scope = {
            "SUM": lambda parts: sum(it for it in parts if it is not None),
            "FILL": lambda it, other: other if it is None else it,
            "IF": lambda test, yes, no: yes if test else no,
        }
        if "FILL" not in formula and "SUM" not in formula and None in period:
            values.append(None)
            continue
        # A division by zero is missing data, and IF does not ask for it.
        python = re.sub(r"IF\((.*?), (.*), 0\)", r"(\2) if (\1) else 0", formula)
        # The first value has none before it, so it has no difference.
        python = re.sub(r"DIFF\((\w+)\)", r"(\1 - before['\1'])", python)
        values.append(eval(python, scope | {"before": before}, known))  # noqa: S307
    return values


def night(hours=24, **odd):
    """Hours of a night, each 1 except for the given ones: `h3=40`."""
    return [odd.get(f"h{n}", 1) for n in range(hours)]


class Quiet(unittest.TestCase):
    """Nothing of this is worth a mail."""

    def test_an_ordinary_night(self):
        self.assertFalse(goes_off("HoursBehindAlarm", night()))
        self.assertFalse(goes_off("NothingPlannedAlarm", night()))
        for alarm in ("NotStartedAlarm", "NotSentAlarm"):
            self.assertFalse(goes_off(alarm, [0] * 24))

    def test_a_quiet_night_of_a_small_city(self):
        # Plans without blocks are plans, and nobody is behind.
        self.assertFalse(goes_off("NothingPlannedAlarm", [1] * 12))
        self.assertFalse(goes_off("HoursBehindAlarm", [0] * 12))
        nothing = dict(rejected=[None], loaded=[None], duplicates=[None])
        self.assertFalse(goes_off("RejectedTripsAlarm", expression("RejectedTripsAlarm", **nothing)))

    def test_a_new_provider_whose_two_days_are_loaded_during_the_sweep(self):
        self.assertFalse(goes_off("HoursBehindAlarm", night(h8=48, h9=20)))

    def test_a_provider_that_is_late_for_half_a_day(self):
        self.assertFalse(goes_off("HoursBehindAlarm", [1 + n % 12 for n in range(24)]))

    def test_a_sweep_and_an_audit_that_plan_in_the_same_hour(self):
        self.assertFalse(goes_off("NothingPlannedAlarm", night(h8=2, h9=2)))

    def test_one_hour_without_a_plan(self):
        self.assertFalse(goes_off("NothingPlannedAlarm", [1, None, None, 1]))
        self.assertFalse(goes_off("HoursBehindAlarm", [1, None, None, 1]))

    def test_a_stack_that_is_being_set_up(self):
        stack = Stack(SchedulesState="DISABLED")
        for name in ALARMS:
            self.assertFalse(goes_off(name, [None] * 12, stack), name)
            self.assertFalse(goes_off(name, [1000] * 12, stack), name)

    def test_schedules_that_were_just_turned_on_send_no_mail_for_the_time_before(self):
        # The state was ALARM already, and only a change of it sends a mail.
        states = evaluate(ALARMS["NothingPlannedAlarm"], [None, None, None, 1, 1])
        self.assertEqual(states, ["ALARM"] * 3 + ["OK"] * 2)

    def test_errors_that_functions_return_by_name(self):
        # A provider with 840 late hours, blocks that are busy, a run with failed blocks.
        values = expression(
            "FunctionCrashesAlarm", errors1=[840], errors2=[30], errors3=[12], errors4=[1], returned=[883]
        )
        self.assertEqual(values, [0])
        self.assertFalse(goes_off("FunctionCrashesAlarm", values))

    def test_a_few_rejects(self):
        values = expression("RejectedTripsAlarm", rejected=[49, 900], loaded=[1, 9000], duplicates=[0, 0])
        self.assertFalse(goes_off("RejectedTripsAlarm", values))

    def test_a_burst_of_throttles(self):
        self.assertFalse(goes_off("FunctionThrottlesAlarm", [40, 0, 0, 50]))
        self.assertFalse(goes_off("ExecutionThrottledAlarm", [40, None, 3]))

    def test_the_end_of_an_alarm_and_other_alarms_of_the_same(self):
        for name, alarm in ALARMS.items():
            self.assertNotIn("OKActions", alarm, name)
            self.assertNotIn("InsufficientDataActions", alarm, name)
        # Executions are the rules' business, so that a failure is one mail.
        self.assertFalse([it for it in ALARMS.values() if str(it.get("MetricName")).startswith("ExecutionsF")])


class GoesOff(unittest.TestCase):
    """Everything of this is worth one."""

    def test_a_provider_that_stays_behind(self):
        self.assertTrue(goes_off("HoursBehindAlarm", list(range(1, 30))))
        self.assertTrue(goes_off("HoursBehindAlarm", [13, 13, 13]))
        stack = Stack(SchedulesState="ENABLED", HoursBehindThreshold=48)
        self.assertFalse(goes_off("HoursBehindAlarm", [13, 13, 13], stack))

    def test_no_plan(self):
        self.assertTrue(goes_off("NothingPlannedAlarm", [1, 1, None, None, None]))
        # What was behind stays so while nobody measures it.
        self.assertEqual(evaluate(ALARMS["HoursBehindAlarm"], [13, 13, 13, None])[-1], "ALARM")

    def test_a_start_or_a_mail_that_was_lost(self):
        for alarm, queue in (("NotStartedAlarm", "NotStarted"), ("NotSentAlarm", "NotSent")):
            self.assertTrue(goes_off(alarm, [0, 1]))
            dimension = STACK.properties(alarm)["Dimensions"]
            self.assertEqual(dimension, [{"Name": "QueueName", "Value": STACK.attribute(queue, "QueueName")}])

    def test_a_second_provider_that_falls_behind(self):
        def more(*behind):
            return expression("ProvidersBehindAlarm", behind=behind)

        self.assertEqual(more(0, 1, 2, 2, 3, 1, 2, None, 2), [None, 0, 1, 0, 1, 0, 1, None, None])
        self.assertTrue(goes_off("ProvidersBehindAlarm", more(1, 1, 2)))
        # HoursBehindAlarm tells of the first, and nobody needs a mail about one that has caught up.
        self.assertFalse(goes_off("ProvidersBehindAlarm", more(0, 1, 1, 0)))
        self.assertFalse(goes_off("ProvidersBehindAlarm", more(3, 3, 2, 2, None)))
        # It is ready for a third.
        self.assertEqual(evaluate(ALARMS["ProvidersBehindAlarm"], more(1, 2, 2))[-1], "OK")

    def test_rejects(self):
        values = expression("RejectedTripsAlarm", rejected=[120], loaded=[880], duplicates=[0])
        self.assertEqual(values, [12])
        self.assertTrue(goes_off("RejectedTripsAlarm", values))
        # Every trip of a feed with a few.
        values = expression("RejectedTripsAlarm", rejected=[50], loaded=[0], duplicates=[0])
        self.assertTrue(goes_off("RejectedTripsAlarm", values))

    def test_crashes_also_if_nothing_else_happens(self):
        values = expression("FunctionCrashesAlarm", errors1=[None], errors2=[9], errors3=[None], errors4=[2], returned=[None])
        self.assertTrue(goes_off("FunctionCrashesAlarm", values))

    def test_throttles_that_last(self):
        self.assertTrue(goes_off("FunctionThrottlesAlarm", [40, 6, 50]))
        self.assertTrue(goes_off("ExecutionThrottledAlarm", [1, 1, 1]))

    def test_with_airflow(self):
        stack = Stack(SchedulesState="DISABLED", AlarmsState="ENABLED")
        self.assertTrue(goes_off("HoursBehindAlarm", [13, 13, 13], stack))


class Names(unittest.TestCase):
    def written(self):
        """The metrics that the code writes, with the sets of dimensions."""
        sets = {"BY_STAGE": ["Stage"], "BY_PROVIDER": ["Stage,Provider"], "BY_STEP": ["Stage,Step"]}
        sets["BY_FAILURE"] = ["Stage", "Stage,Provider", "Stage,Error"]
        names = set(re.findall(r'Metric::\w+\(\s*"(\w+)"', METRICS))
        special = {"StepSeconds": "BY_STEP", "StepFailures": "BY_FAILURE"}
        written = {name: sets[special.get(name, "BY_STAGE")] for name in names}
        written["HoursBehind"] = ["Stage", "Stage,Provider"]
        return written

    def watched(self):
        for name, alarm in ALARMS.items():
            for metric in [alarm] + [it["MetricStat"]["Metric"] for it in alarm.get("Metrics", []) if "MetricStat" in it]:
                if metric.get("Namespace") == OURS:
                    yield name, metric["MetricName"], ",".join(it["Name"] for it in metric["Dimensions"])
        for widget in json.loads(STACK.properties("Dashboard")["DashboardBody"])["widgets"]:
            for metric in widget["properties"]["metrics"]:
                if isinstance(metric[0], dict):
                    found = re.match(r"SEARCH\('\{mds-etl,([\w,]+)\} MetricName=\"(\w+)\" Stage=\"staging\"'", metric[0]["expression"])
                    yield "Dashboard", found[2], found[1]
                else:
                    self.assertEqual(metric[0], OURS)
                    yield "Dashboard", metric[1], ",".join(metric[2:-1:2])

    def test_alarms_and_dashboard_show_metrics_that_the_code_writes(self):
        written = self.written()
        seen = set()
        for where, name, dimensions in self.watched():
            self.assertIn(dimensions, written[name], f"{where}: {name}")
            seen.add(name)
        self.assertEqual(seen, set(written), "each metric is looked at somewhere")
        self.assertIn(f'"{OURS}"', (ROOT / "crates/telemetry/src/metrics.rs").read_text())

    def test_the_page_of_costs_counts_the_metrics_that_there_are(self):
        sets = [it for dimensions in self.written().values() for it in dimensions]
        alarms = sum(len(alarm.get("Metrics", [0, 0])) - 1 for alarm in ALARMS.values())
        self.assertEqual(
            {name: count for name, (count, _) in costs.COUNTED.items()},
            {
                "stage_metrics": sets.count("Stage"),
                "step_metrics": 3 * sets.count("Stage,Step"),
                "provider_metrics": sets.count("Stage,Provider"),
                "alarm_metrics": alarms,
            },
        )

    def test_the_page_of_the_logs_lists_the_metrics(self):
        page = (ROOT / "docs/LOGGING.md").read_text().partition("## Metrics")[2]
        rows = "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
        self.assertEqual(set(re.findall(r"`(\w+)`", rows)), set(self.written()))

    def test_dimensions_of_the_stage_are_in_lower_case(self):
        stage = {it["Value"] for alarm in ALARMS.values() for it in alarm.get("Dimensions", []) if it["Name"] == "Stage"}
        self.assertEqual(stage, {"staging"})

    def test_every_alarm_goes_to_the_topic_and_names_its_entry_in_the_runbook(self):
        for name, alarm in ALARMS.items():
            self.assertEqual(alarm["AlarmActions"], [STACK.arn("Alarms")])
            self.assertIn(f"docs/RUNBOOK.md, {name}.", alarm["AlarmDescription"])

    def test_periods_are_those_that_cloudwatch_takes(self):
        for name, alarm in ALARMS.items():
            metrics = [alarm] if "Period" in alarm else [it["MetricStat"] for it in alarm["Metrics"][1:]]
            for metric in metrics:
                limit = 604_800 if metric["Period"] >= 3600 else 86_400
                self.assertLessEqual(metric["Period"] * alarm["EvaluationPeriods"], limit, name)


def transform(rule, event):
    """What EventBridge sends: a text is put in with its quotes outside of quotes, and without them inside."""
    transformer = STACK.properties(rule)["Targets"][0]["InputTransformer"]
    values = {}
    for name, path in transformer["InputPathsMap"].items():
        value = event
        for key in path.removeprefix("$.").split("."):
            value = value[key]
        values[name] = value
    template = transformer["InputTemplate"]
    filled = re.sub(r"(?<=: )<(\w+)>", lambda it: json.dumps(values[it[1]]), template)
    return re.sub(r"<(\w+)>", lambda it: values[it[1]], filled)


class Rules(unittest.TestCase):
    def event(self, status, **detail):
        arn = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:mds-etl:night-1"
        common = {"executionArn": arn, "stateMachineArn": STACK.arn("StateMachine"), "name": "night-1", "status": status}
        return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": {**common, **detail}}

    def test_each_bad_end_of_a_run_is_reported_once(self):
        patterns = [it["EventPattern"] for it in STACK.of_type("AWS::Events::Rule").values()]
        statuses = [status for it in patterns for status in it["detail"]["status"]]
        self.assertEqual(sorted(statuses), ["ABORTED", "FAILED", "TIMED_OUT"])
        for pattern in patterns:
            self.assertEqual(pattern["detail"]["stateMachineArn"], [STACK.arn("StateMachine")])
            self.assertEqual(pattern["source"], ["aws.states"])

    def test_the_mail_of_a_failure_has_name_error_cause_and_link(self):
        cause = json.dumps({"errorMessage": 'run 7: 1 block failed:\n"bird"', "errorType": "RunHadFailures"})
        sent = json.loads(transform("ExecutionFailedRule", self.event("FAILED", error="RunHadFailures", cause=cause)))
        self.assertEqual((sent["execution"], sent["error"], sent["cause"]), ("night-1", "RunHadFailures", cause))
        link = "https://console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/arn:aws:states:us-east-1"
        self.assertTrue(sent["console"].startswith(link), sent["console"])
        self.assertTrue(sent["console"].endswith(":night-1"))

    def test_a_run_that_was_stopped_has_neither_error_nor_cause(self):
        sent = json.loads(transform("ExecutionStoppedRule", self.event("ABORTED")))
        self.assertEqual(sent["status"], "ABORTED")
        self.assertNotIn("cause", STACK.properties("ExecutionStoppedRule")["Targets"][0]["InputTransformer"]["InputPathsMap"])

    def test_other_partitions_have_their_own_console(self):
        for region, domain in {"us-gov-west-1": "console.amazonaws-us-gov.com", "cn-north-1": "console.amazonaws.cn"}.items():
            target = Stack(region).properties("ExecutionFailedRule")["Targets"][0]
            self.assertIn(f"https://{domain}/states", target["InputTransformer"]["InputTemplate"])

    def may_send(self, service, **context):
        """Whether the topic and its key admit a message of the service."""
        topic = STACK.properties("AlarmsPolicy")["PolicyDocument"]["Statement"]
        key = STACK.properties("AlarmsKey")["KeyPolicy"]["Statement"]

        def of_service(statements):
            return [it for it in statements if isinstance(it["Principal"], dict) and it["Principal"].get("Service") == service]

        return (
            allowed(of_service(topic), "sns:Publish", STACK.arn("Alarms"), **context),
            allowed(of_service(key), "kms:GenerateDataKey", **context),
            allowed(of_service(key), "kms:Decrypt", **context),
        )

    def test_alarms_of_this_account_may_send_and_others_may_not(self):
        for account, may in ((ACCOUNT, True), ("999999999999", False)):
            context = {"aws__SourceAccount": account, "aws__SourceArn": STACK.arn("HoursBehindAlarm")}
            self.assertEqual(self.may_send("cloudwatch.amazonaws.com", **context), (may,) * 3)

    def test_the_rules_may_send_although_eventbridge_names_neither_account_nor_rule(self):
        self.assertEqual(self.may_send("events.amazonaws.com"), (True,) * 3)


if __name__ == "__main__":
    unittest.main()
