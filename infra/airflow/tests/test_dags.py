"""Tests of the DAGs as loaded by Airflow: their requests, the names of executions, and how they wait and fail."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sys
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from unittest import mock

HOME = tempfile.TemporaryDirectory(prefix="mds-airflow-")
os.environ["AIRFLOW_HOME"] = HOME.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "infra/airflow/dags"))

import jinja2  # noqa: E402
import yaml  # noqa: E402

# These names have other places in older versions.
try:
    from airflow.dag_processing.dagbag import DagBag  # noqa: E402
except ImportError:
    from airflow.models.dagbag import DagBag  # noqa: E402
try:
    from airflow.sdk.exceptions import ParamValidationError, TaskDeferred  # noqa: E402
except ImportError:
    from airflow.exceptions import ParamValidationError, TaskDeferred  # noqa: E402
from mds_airflow import AirflowException, AirflowFailException  # noqa: E402
from mds_execution import MACROS, backfill_request, execution_name, scheduled_request  # noqa: E402

BAG = DagBag(dag_folder=str(ROOT / "infra/airflow/dags"))
DAGS = BAG.dags
AT = datetime(2026, 11, 24, 8, 10, tzinfo=timezone.utc)
ARN = "arn:aws:states:us-east-1:123456789012:execution:mds-etl:a-name"


class Run:
    """A DAG run."""

    def __init__(self, run_id="scheduled__2026-11-24T08:10:00+00:00", due=AT, run_after=AT, start=AT):
        self.run_id = run_id
        self.data_interval_end = due
        self.run_after = run_after
        self.start_date = start


class Values:
    def __init__(self, **values: str) -> None:
        self.values = values

    def get(self, name: str, default: str) -> str:
        return self.values.get(name, default)


def rendered(template: str, variables: Values | None = None, **params: object) -> dict:
    """The input that a `start` task sends."""
    context = {
        **MACROS,
        "dag_run": Run(),
        "var": type("Var", (), {"value": variables or Values()}),
        "params": params,
    }
    return json.loads(jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template).render(context))


def sent_by(start: object, **given: object) -> dict:
    # The operator's attribute was called `input` until version 9.12 of the provider package.
    template = start.state_machine_input if hasattr(start, "state_machine_input") else start.input
    return rendered(template, **given)


def schedules() -> dict[str, dict]:
    """The inputs of the template's schedules, with the defaults of its parameters."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda it, _, node: getattr(node, "value", None))
    template = yaml.load((ROOT / "infra/template.yaml").read_text(), loader)

    def filled(text: str) -> dict:
        text = text.replace("<aws.scheduler.scheduled-time>", AT.isoformat())
        return json.loads(
            re.sub(r"\$\{(\w+)\}", lambda name: str(template["Parameters"][name[1]]["Default"]), text)
        )

    return {
        name: filled(resource["Properties"]["Target"]["Input"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Scheduler::Schedule"
    }


class Reading(unittest.TestCase):
    def test_airflow_reads_three_dags_without_an_error(self):
        self.assertEqual(BAG.import_errors, {})
        self.assertEqual(set(DAGS), {"mds_hourly", "mds_nightly", "mds_backfill"})

    def test_every_task_has_a_limit_of_time(self):
        for dag in DAGS.values():
            for task in dag.tasks:
                if task.task_id != "both":
                    self.assertIsNotNone(task.execution_timeout, task.task_id)


class Requests(unittest.TestCase):
    def test_scheduled_dags_send_what_the_schedules_of_the_template_send(self):
        for dag, group, schedule in [
            ("mds_hourly", "ingest", "HourlySchedule"),
            ("mds_nightly", "sweep", "NightlySweepSchedule"),
            ("mds_nightly", "audit", "NightlyAuditSchedule"),
        ]:
            start = DAGS[dag].get_task(f"{group}.start")
            # The lag is that of the deployment, which the template writes into its schedules.
            scheduled = {key: value for key, value in schedules()[schedule].items() if key != "lag_hours"}
            self.assertEqual(sent_by(start), scheduled, group)

    def test_variables_change_lag_and_sweep_and_0_is_a_lag(self):
        variables = Values(mds_etl_lag_hours="0", mds_etl_sweep_hours="48")
        sent = sent_by(DAGS["mds_nightly"].get_task("sweep.start"), variables=variables)
        self.assertEqual((sent["lag_hours"], sent["interval"]), (0, 48))

    def test_a_run_stands_for_its_interval_and_one_without_it_for_the_time_it_may_run(self):
        early = datetime(2026, 1, 5, 8, 10, tzinfo=timezone.utc)
        for run, time in [(Run(due=early), early), (Run(due=None), AT), (Run(due=None, run_after=early), early)]:
            self.assertEqual(json.loads(scheduled_request(run)), {"scheduled_time": time.isoformat()})

    def test_a_backfill_has_every_field_that_somebody_sets_by_hand(self):
        event = (ROOT / "crates/pipeline/src/event.rs").read_text()
        fields = set(re.findall(r"pub (\w+):", re.search(r"pub struct PlanRequest \{(.*?)\n\}", event, re.DOTALL)[1]))
        # The first two are a schedule's, the last the state machine's.
        by_hand = fields - {"scheduled_time", "lag_hours", "execution"}
        self.assertEqual(set(DAGS["mds_backfill"].params) - {"first_day", "last_day"}, by_hand)

    def test_a_backfill_sends_only_what_is_set(self):
        dag = DAGS["mds_backfill"]
        start = dag.get_task("backfill.start")
        for given, sent in [
            ({"provider": "bird", "time_min": "2020-01-15-12"}, {"provider": "bird", "time_min": "2020-01-15-12"}),
            ({"force": True, "interval": 3}, {"provider": "all", "force": True, "interval": 3}),
            ({"providers": ["bird", "lime"], "interval": 3}, {"providers": ["bird", "lime"], "interval": 3}),
            (
                {"providers": ["bird"], "provider": "lime", "interval": 3},
                {"providers": ["bird"], "provider": "lime", "interval": 3},
            ),
        ]:
            self.assertEqual(sent_by(start, **{**dag.params.dump(), **given}), sent)

    def test_days_are_whole_and_include_the_last(self):
        sent = json.loads(backfill_request(first_day="2020-02-01", last_day="2020-02-29"))
        self.assertEqual(sent, {"time_min": "2020-02-01-00", "time_max": "2020-03-01-00"})
        sent = json.loads(backfill_request(last_day="2020-12-31", interval=48))
        self.assertEqual(sent, {"time_max": "2021-01-01-00", "interval": 48})
        for one in ({"first_day": "2020-02-01"}, {"last_day": "2020-02-01"}):
            with self.assertRaisesRegex(ValueError, "the first and the last day"):
                backfill_request(**one)
        with self.assertRaisesRegex(ValueError, "give a range"):
            backfill_request(provider="all")
        with self.assertRaisesRegex(ValueError, "days or times"):
            backfill_request(first_day="2020-02-01", time_max="2020-03-01-00")

    def test_parameters_that_make_no_sense_are_refused(self):
        params = DAGS["mds_backfill"].params
        wrong = [
            *(("time_min", text) for text in ("yesterday", "2020-01-15", "2020-13-01-00", "2020-01-15-24", "2020-01-15T12")),
            *(("first_day", text) for text in ("2020-02-30", "15.01.2020", "2020-01-15-12")),
            *(("max_concurrency", number) for number in (0, 10_001, "10", 2.5)),
            ("provider", "a b"), ("provider", None), ("providers", "bird"), ("providers", ["a b"]),
            ("interval", 0), ("interval", "3"), ("force", "yes"), ("dry_run", 1),
        ]  # fmt: skip
        for name, value in wrong:
            with self.assertRaises(ParamValidationError, msg=f"{name}: {value}"):
                params.get_param(name).resolve(value)
        right = [
            *(("time_min", text) for text in ("2020-01-15-12", "2020-1-5-3", "2020-11-01-01b", "2020-01-15T12:00:00Z")),
            ("time_max", "2020-01-15T12:00:00-06:00"), ("time_max", None),
            ("first_day", "2020-02-29"), ("first_day", None), ("providers", ["bird"]), ("max_concurrency", 10_000),
        ]  # fmt: skip
        for name, value in right:
            self.assertEqual(params.get_param(name).resolve(value), value)


class Executions(unittest.TestCase):
    def test_an_attempt_has_one_name_that_step_functions_takes(self):
        long = "manual__2026-11-24T12:40:13.739325+00:00_and_a_long_name_of_somebody_s_own_making"
        for run_id in ("scheduled__2026-11-24T08:10:00+00:00", long):
            names = [execution_name("mds_backfill", "backfill", Run(run_id), n) for n in (1, 1, 2)]
            self.assertEqual(names[0], names[1])
            self.assertNotEqual(names[0], names[2])
            for name in names:
                self.assertRegex(name, r"^[0-9A-Za-z_-]{1,80}$")

    def test_a_run_that_is_deleted_and_created_again_starts_another_execution(self):
        names = {
            execution_name("mds_hourly", "ingest", Run(start=AT + timedelta(seconds=seconds)), 1)
            for seconds in (0, 0, 90)
        }
        self.assertEqual(len(names), 2)

    def test_a_night_fails_with_either_of_its_executions(self):
        dag = DAGS["mds_nightly"]
        (last,) = [task for task in dag.tasks if not task.downstream_task_ids]
        self.assertEqual(last.upstream_task_ids, {"sweep.wait", "audit.wait"})
        self.assertEqual(last.trigger_rule, "all_success")
        self.assertEqual(dag.get_task("audit.start").trigger_rule, "all_done")


class Waiting(unittest.TestCase):
    """What the sensor does when the trigger has ended."""

    def setUp(self):
        self.sensor = DAGS["mds_backfill"].get_task("backfill.wait")
        self.sensor.execution_arn = ARN
        self.sensor.poll_seconds = "30"
        self.sensor.wait_hours = "24"
        self.now = datetime.now(timezone.utc)
        self.xcoms = {}

    def resume(self, event=None, method="resume", **execution):
        self.looks = 0

        def describe_execution(arn):
            self.looks += 1
            return {"executionArn": arn, "startDate": self.now - timedelta(hours=2), **execution}

        ti = type("Ti", (), {"xcom_push": staticmethod(lambda key, value: self.xcoms.update({key: value}))})
        # Instead of the property of the provider package.
        self.sensor.__dict__["hook"] = type("Hook", (), {"describe_execution": staticmethod(describe_execution)})
        arguments = {"event": event} if method == "resume" else event
        return self.sensor.resume_execution(method, arguments, {"ti": ti})

    def deferred(self, **given):
        with self.assertRaises(TaskDeferred) as raised:
            self.resume(**given)
        return raised.exception

    def test_an_execution_that_succeeded_leaves_its_output_after_one_look(self):
        self.resume({"status": "success"}, status="SUCCEEDED", output='{"done": 2}')
        self.assertEqual(self.xcoms, {"output": {"done": 2}})
        self.assertEqual(self.looks, 1)

    def test_a_backfill_for_which_nothing_exists_fails_and_a_schedule_without_a_new_hour_does_not(self):
        source = (ROOT / "crates/pipeline/src/plan/nothing.rs").read_text()
        words = re.findall(r"^    ([A-Z]\w+),$", source.partition("enum NothingReason {")[2].partition("}")[0], re.MULTILINE)
        reasons = [re.sub(r"(?<!^)([A-Z])", r"_\1", word).lower() for word in words]
        hourly = DAGS["mds_hourly"].get_task("ingest.wait")
        self.assertEqual(set(self.sensor.mistakes), set(reasons) - {"done"})
        self.assertEqual(set(hourly.mistakes), {"no_provider"})
        for reason in reasons:
            output = {"block_count": 0, "nothing": {"reason": reason, "message": "the range lies in the future"}}
            if reason == "done":
                self.resume(status="SUCCEEDED", output=json.dumps(output))
                continue
            with self.assertRaisesRegex(AirflowFailException, "had nothing to do: the range lies in the future"):
                self.resume(status="SUCCEEDED", output=json.dumps(output))
            self.resume(status="SUCCEEDED", output=json.dumps({**output, "dry_run": True}))

    def test_an_execution_that_failed_fails_the_task_for_good_with_its_cause_in_the_log(self):
        cause = json.dumps({"errorType": "RunHadFailures", "errorMessage": "of 2 blocks 1 done, 1 failed"})
        for status in ("FAILED", "TIMED_OUT", "ABORTED"):
            with mock.patch.object(type(self.sensor), "log") as log, self.assertRaises(AirflowFailException) as raised:
                self.resume({"status": "error"}, status=status, error="RunHadFailures", cause=cause)
            template, *values = log.error.call_args.args
            for text in (str(raised.exception), template % tuple(values)):
                self.assertIn(f"{status}: RunHadFailures: of 2 blocks 1 done, 1 failed", text)
        with self.assertRaisesRegex(AirflowFailException, "FAILED: RunHadFailures: of 2 blocks"):
            self.resume({"error": "Trigger failure"}, "__fail__", status="FAILED", error="RunHadFailures", cause=cause)
        for cause in ("plain text", "[1]", '"text"', None):
            with self.assertRaisesRegex(AirflowFailException, re.escape(str(cause or "no cause"))):
                self.resume(status="FAILED", error="Internal", cause=cause)

    def test_the_triggerer_polls_and_a_worker_looks_once_an_hour(self):
        end = "Waiter error: max attempts reached"
        for given in (
            {"status": "RUNNING", "event": {"status": "error", "message": end}},
            {"status": "PENDING_REDRIVE", "event": {"status": "error", "message": end}},
            {"status": "RUNNING", "event": {"error": "Trigger failure", "traceback": ["…", end]}, "method": "__fail__"},
        ):
            waits = self.deferred(**given)
            self.assertEqual(type(waits.trigger).__name__, "StepFunctionsExecutionCompleteTrigger")
            _, fields = waits.trigger.serialize()
            self.assertEqual((fields["execution_arn"], fields["aws_conn_id"]), (ARN, "aws_default"))
            self.assertEqual((fields["waiter_delay"], fields["waiter_max_attempts"]), (30, 121))
            self.assertEqual(waits.method_name, "resume")
            self.assertGreater(waits.timeout, timedelta(hours=1))

    def test_the_wait_ends_with_the_hours_of_its_variable(self):
        self.sensor.wait_hours = "2.5"
        self.deferred(status="RUNNING")
        self.sensor.wait_hours = "1.5"
        with self.assertRaisesRegex(AirflowFailException, "still RUNNING after 1.5 hours"):
            self.resume(status="RUNNING")
        for hours in ("0", "-1", "1000"):
            self.sensor.wait_hours = hours
            with self.assertRaisesRegex(AirflowFailException, "at most 720"):
                self.resume(status="RUNNING")

    def test_a_triggerer_that_cannot_wait_fails_the_attempt_and_not_the_task(self):
        for given in (
            {"event": {"status": "error", "message": "no credentials"}},
            {"event": {"error": "Trigger failure", "traceback": ["no credentials"]}, "method": "__fail__"},
            {"event": {"error": "Trigger timeout: no credentials"}, "method": "__fail__"},
        ):
            with self.assertRaisesRegex(AirflowException, "no credentials") as raised:
                self.resume(**given, status="RUNNING")
            self.assertNotIsInstance(raised.exception, AirflowFailException)
        self.assertGreater(self.sensor.retries, 0)


if __name__ == "__main__":
    unittest.main()
