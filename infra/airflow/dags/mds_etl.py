"""Runs of mds-etl: hourly, nightly and started by hand."""

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
    description="Ingests the hour that ended `mds_etl_lag_hours` ago, for every provider.",
    schedule=CronTriggerTimetable("10 * * * *", timezone="UTC"),
    max_active_runs=4,
    **COMMON,
):
    run_pipeline("ingest", f"{{{{ request({SCHEDULED}) }}}}")

with DAG(
    dag_id="mds_nightly",
    description="Completes blocks of the last 35 days, then audits the last 30 days and repairs what differs.",
    schedule=CronTriggerTimetable("40 8 * * *", timezone="UTC"),
    max_active_runs=1,
    **COMMON,
):
    sweep = run_pipeline(
        "sweep", f"{{{{ request({SCHEDULED}, interval=840, incomplete_only=True) }}}}"
    )
    audit = run_pipeline("audit", f"{{{{ request({SCHEDULED}, interval=720, audit=True) }}}}")
    # The audit does not depend on the sweep's success, but a failed sweep fails the DAG run.
    for task in audit.get_roots():
        task.trigger_rule = TriggerRule.ALL_DONE
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
            pattern="^[A-Za-z0-9_-]+$",
            title="Provider",
            description="A provider's short name, or `all`.",
        ),
        "time_min": hour("From", "Start of the range, in civil time (2020-01-15-12) or as an instant with its offset."),
        "time_max": hour("Until", "End of the range, exclusive; same formats."),
        "interval": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Hours",
            description="Length of the range, instead of one of its ends.",
        ),
        "max_concurrency": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Blocks at the same time",
            description="Empty for the pipeline's default.",
        ),
        "force": switch("Force", "Run every step again, whatever the block's status."),
        "accept_losses": switch("Accept losses", "Believe a provider that no longer returns loaded trips."),
        "incomplete_only": switch("Incomplete only", "Only blocks that are not published yet."),
        "audit": switch("Audit", "Compare the portal with the database, and publish again what differs."),
        "dry_run": switch("Dry run", "Make the plan, but run no step."),
        "no_extract": switch("No extract", "Skip the request to the provider and use the archive."),
        "no_sync_db": switch("No sync-db", "Skip loading into Postgres."),
        "no_sync_socrata": switch("No sync-socrata", "Skip publishing to the portal."),
    },
    **COMMON,
):
    run_pipeline("backfill", "{{ request(**params) }}")
