"""Runs of mds-etl: every hour, every night, and by hand."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, TriggerRule
from mds_execution import MACROS, run_pipeline

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LAG_HOURS = "lag_hours=var.value.get('mds_etl_lag_hours', '30') | int"
SCHEDULED = f"scheduled_time=dag_run.run_after.isoformat(), provider='all', {LAG_HOURS}"
HOUR_PATTERN = r"^\d{4}-\d{2}-\d{2}(-\d{2}b?|T\S+)?$"

COMMON = {
    "start_date": START,
    "catchup": False,
    "tags": ["mds-etl"],
    "user_defined_macros": MACROS,
}


def hour(title: str, description: str) -> Param:
    return Param(
        None, type=["null", "string"], pattern=HOUR_PATTERN, title=title, description=description
    )


def switch(title: str, description: str) -> Param:
    return Param(False, type="boolean", title=title, description=description)


with DAG(
    dag_id="mds_hourly",
    description="The hour that has come to lie behind the lag, of every provider.",
    schedule=CronTriggerTimetable("10 * * * *", timezone="UTC"),
    max_active_runs=4,
    **COMMON,
):
    run_pipeline("ingest", f"{{{{ request({SCHEDULED}) }}}}")

with DAG(
    dag_id="mds_nightly",
    description="Unfinished blocks of the last 35 days, then the last 30 days published again.",
    schedule=CronTriggerTimetable("40 8 * * *", timezone="UTC"),
    max_active_runs=1,
    **COMMON,
):
    sweep = run_pipeline(
        "sweep", f"{{{{ request({SCHEDULED}, interval=840, incomplete_only=True) }}}}"
    )
    republish = run_pipeline(
        "republish",
        f"{{{{ request({SCHEDULED}, interval=720, no_extract=True, no_sync_db=True, force=True) }}}}",
    )
    # What the sweep could not finish says nothing against publishing the rest, but it fails the night.
    for task in republish.get_roots():
        task.trigger_rule = TriggerRule.ALL_DONE
    sweep >> republish
    [sweep, republish] >> EmptyOperator(task_id="both")

with DAG(
    dag_id="mds_backfill",
    description="A range of hours, started by hand.",
    schedule=None,
    max_active_runs=4,
    params={
        "provider": Param(
            "all",
            type="string",
            pattern="^[A-Za-z0-9_-]+$",
            title="Provider",
            description="A provider's short name, or `all`.",
        ),
        "time_min": hour("From", "First hour, in civil time: 2020-01-15-12, or an instant with its offset."),
        "time_max": hour("Until", "The hour at which the range ends, which is not part of it."),
        "interval": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Hours",
            description="Length of the range, in place of one of its ends.",
        ),
        "max_concurrency": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Blocks at once",
            description="Empty for the pipeline's own default.",
        ),
        "force": switch("Force", "Every step again, also of blocks that are done."),
        "incomplete_only": switch("Incomplete only", "Only blocks that are not published."),
        "dry_run": switch("Dry run", "Only show the plan."),
        "no_extract": switch("No extract", "Leave the provider alone and use the archive."),
        "no_sync_db": switch("No sync-db", "Do not load."),
        "no_sync_socrata": switch("No sync-socrata", "Do not publish."),
    },
    **COMMON,
):
    run_pipeline("backfill", "{{ request(**params) }}")
