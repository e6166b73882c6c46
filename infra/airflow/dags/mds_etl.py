"""Runs of mds-etl: hourly, nightly and started by hand."""

from __future__ import annotations

from datetime import datetime, timezone

# The name of this module also tells Airflow that this file has DAGs: it reads only files with both words.
from mds_airflow import DAG, CronTriggerTimetable, EmptyOperator, Param
from mds_execution import MACROS, NOTHING_OF_THE_KIND, run_pipeline

# Before the first hour of MDS, so that a DAG run can stand for any hour.
START = datetime(2018, 1, 1, tzinfo=timezone.utc)
# Without the Variable, the lag is that of the deployment, which its reports follow as well.
LAG_HOURS = "lag_hours=var.value.get('mds_etl_lag_hours', '') | int(none)"
SWEEP_HOURS = "interval=var.value.get('mds_etl_sweep_hours', '840') | int"
WAIT_HOURS = "{{ var.value.get('mds_etl_wait_hours', '24') }}"
BACKFILL_WAIT_HOURS = "{{ var.value.get('mds_etl_backfill_wait_hours', '168') }}"
SCHEDULED = f"dag_run, provider='all', {LAG_HOURS}"
NAME = "[A-Za-z0-9_-]+"
# A civil hour (2020-01-15-12, 2020-11-01-01b) or an instant with its offset.
HOUR = (
    r"^(\d{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12]\d|3[01])-([01]?\d|2[0-3])b?"
    r"|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))$"
)

COMMON = {
    "start_date": START,
    "catchup": False,
    "tags": ["mds-etl"],
    "user_defined_macros": MACROS,
}


def day(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description=description)


def hour(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], pattern=HOUR, title=title, description=description)


def number(title: str, description: str, maximum: int) -> Param:
    limits = {"minimum": 1, "maximum": maximum}
    return Param(None, type=["null", "integer"], **limits, title=title, description=description)


def switch(title: str, description: str) -> Param:
    return Param(False, type="boolean", title=title, description=description)


with DAG(
    dag_id="mds_hourly",
    description="Ingests the hour whose lag has just passed, for every provider.",
    schedule=CronTriggerTimetable("10 * * * *", timezone="UTC"),
    max_active_runs=4,
    **COMMON,
):
    run_pipeline("ingest", f"{{{{ scheduled_request({SCHEDULED}) }}}}", WAIT_HOURS)

with DAG(
    dag_id="mds_nightly",
    description="Completes blocks of the last 35 days, then audits the last 30 days and repairs what differs.",
    schedule=CronTriggerTimetable("40 8 * * *", timezone="UTC"),
    max_active_runs=1,
    **COMMON,
):
    sweep = run_pipeline(
        "sweep", f"{{{{ scheduled_request({SCHEDULED}, {SWEEP_HOURS}, incomplete_only=True) }}}}", WAIT_HOURS
    )
    audit = run_pipeline(
        "audit",
        f"{{{{ scheduled_request({SCHEDULED}, interval=720, audit=True) }}}}",
        WAIT_HOURS,
        # The audit does not depend on the sweep's success, but a failed sweep fails the DAG run.
        trigger_rule="all_done",
    )
    sweep >> audit
    [sweep, audit] >> EmptyOperator(task_id="both")

with DAG(
    dag_id="mds_backfill",
    description="Processes a range of hours; started by hand.",
    schedule=None,
    max_active_runs=4,
    params={
        "provider": Param(
            "all",
            type="string",
            pattern=f"^{NAME}$",
            title="Provider",
            description="A provider's short name, or `all`.",
        ),
        "providers": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "pattern": f"^{NAME}$"},
            title="Providers",
            description="Several providers by name, one a line, instead of `all`.",
        ),
        "first_day": day("First day", "The range begins with this civil day."),
        "last_day": day("Last day", "The range ends with this civil day; the same as the first for one day."),
        "time_min": hour("From", "Instead of days: a civil hour (2020-01-15-12) or an instant with its offset."),
        "time_max": hour("Until", "The end of the range, exclusive; same formats."),
        "interval": number("Hours", "The length of the range, instead of one of its ends.", 1_000_000),
        "max_concurrency": number("Blocks at the same time", "Empty for the pipeline's default.", 10_000),
        "dry_run": switch("Dry run", "Make the plan, but run no step. The plan is the XCom `output` of `wait`."),
        "incomplete_only": switch("Incomplete only", "Only blocks that are not published yet."),
        "force": switch("Force", "Run every step again, whatever the block's status."),
        "accept_losses": switch("Accept losses", "Believe a provider that no longer returns loaded trips."),
        "audit": switch("Audit", "Compare the portal with the database, and publish again what differs."),
        "no_extract": switch("No extract", "Skip the request to the provider and use the archive."),
        "no_sync_db": switch("No sync-db", "Skip loading into Postgres."),
        "no_sync_socrata": switch("No sync-socrata", "Skip publishing to the portal."),
    },
    **COMMON,
):
    run_pipeline(
        "backfill", "{{ backfill_request(**params) }}", BACKFILL_WAIT_HOURS, mistakes=NOTHING_OF_THE_KIND
    )
