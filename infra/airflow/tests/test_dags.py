"""Tests of the DAGs as loaded by Airflow: their requests, the names of executions, and when they fail."""

import json
import os
import pathlib
import re
import sys
import tempfile
import unittest

HOME = tempfile.TemporaryDirectory(prefix="mds-airflow-")
os.environ["AIRFLOW_HOME"] = HOME.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW_VAR_MDS_ETL_LAG_HOURS"] = "30"

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "infra/airflow/dags"))

import jinja2  # noqa: E402
import yaml  # noqa: E402
from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.sdk.exceptions import ParamValidationError  # noqa: E402
from mds_execution import MACROS, execution_name, request  # noqa: E402

BAG = DagBag(dag_folder=ROOT / "infra/airflow/dags")
DAGS = BAG.dags
AT = "2026-11-24T08:10:00+00:00"

class Instant:
    def isoformat(self) -> str:
        return AT


class Values:
    def get(self, name: str, default: str) -> str:
        return default


def rendered(template: str, **params: object) -> dict:
    """The input that a `start` task sends."""
    context = {
        **MACROS,
        "dag_run": type("DagRun", (), {"run_after": Instant()}),
        "var": type("Var", (), {"value": Values()}),
        "params": params,
    }
    return json.loads(jinja2.Environment().from_string(template).render(context))


def schedules() -> dict[str, dict]:
    """The inputs of the template's schedules."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda it, _, node: getattr(node, "value", None))
    resources = yaml.load((ROOT / "infra/template.yaml").read_text(), loader)["Resources"]
    found = {
        name: resource["Properties"]["Target"]["Input"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Scheduler::Schedule"
    }
    values = {"${LagHours}": "30", "${SweepHours}": "840", "<aws.scheduler.scheduled-time>": AT}
    for name, value in values.items():
        found = {schedule: text.replace(name, value) for schedule, text in found.items()}
    return {schedule: json.loads(text) for schedule, text in found.items()}


class Reading(unittest.TestCase):
    def test_airflow_reads_three_dags_without_an_error(self):
        self.assertEqual(BAG.import_errors, {})
        self.assertEqual(set(DAGS), {"mds_hourly", "mds_nightly", "mds_backfill"})


class Requests(unittest.TestCase):
    def test_scheduled_dags_send_what_the_schedules_of_the_template_send(self):
        for dag, group, schedule in [
            ("mds_hourly", "ingest", "HourlySchedule"),
            ("mds_nightly", "sweep", "NightlySweepSchedule"),
            ("mds_nightly", "audit", "NightlyAuditSchedule"),
        ]:
            start = DAGS[dag].get_task(f"{group}.start")
            self.assertEqual(rendered(start.state_machine_input), schedules()[schedule], group)

    def test_a_backfill_sends_only_what_is_set_and_only_what_the_planner_takes(self):
        event = (ROOT / "crates/pipeline/src/event.rs").read_text()
        fields = re.search(r"pub struct PlanRequest \{(.*?)\n\}", event, re.DOTALL).group(1)
        dag = DAGS["mds_backfill"]
        self.assertLessEqual(set(dag.params), set(re.findall(r"pub (\w+):", fields)))
        start = dag.get_task("backfill.start")
        params = {**dag.params.dump(), "provider": "bird", "time_min": "2020-01-15-12"}
        self.assertEqual(
            rendered(start.state_machine_input, **params),
            {"provider": "bird", "time_min": "2020-01-15-12"},
        )
        self.assertEqual(json.loads(request(provider="all", interval=None, force=True)), {"provider": "all", "force": True})

    def test_parameters_that_make_no_sense_are_refused(self):
        params = DAGS["mds_backfill"].params
        for name, value in [("time_min", "yesterday"), ("provider", "a b"), ("max_concurrency", 0), ("force", "yes")]:
            with self.assertRaises(ParamValidationError, msg=name):
                params.get_param(name).resolve(value)
        for value in ("2020-01-15-12", "2020-11-01-01b", "2020-01-15T12:00:00Z"):
            self.assertEqual(params.get_param("time_min").resolve(value), value)


class Executions(unittest.TestCase):
    def test_an_attempt_has_one_name_that_step_functions_takes(self):
        long = "manual__2026-11-24T12:40:13.739325+00:00_and_a_long_name_of_somebody_s_own_making"
        for run_id in ("scheduled__2026-11-24T08:10:00+00:00", long):
            names = [execution_name("mds_backfill", "backfill", run_id, n) for n in (1, 1, 2)]
            self.assertEqual(names[0], names[1])
            self.assertNotEqual(names[0], names[2])
            for name in names:
                self.assertRegex(name, r"^[0-9A-Za-z_-]{1,80}$")

    def test_a_night_fails_with_either_of_its_executions(self):
        dag = DAGS["mds_nightly"]
        (last,) = [task for task in dag.tasks if not task.downstream_task_ids]
        self.assertEqual(last.upstream_task_ids, {"sweep.wait", "audit.wait"})
        self.assertEqual(last.trigger_rule, "all_success")
        self.assertEqual(dag.get_task("audit.start").trigger_rule, "all_done")


if __name__ == "__main__":
    unittest.main()
