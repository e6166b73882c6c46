"""Names that Airflow keeps in different places: 2.11, 3.0, and the versions after it."""

from __future__ import annotations

try:
    from airflow.sdk import DAG, Param, TaskGroup

    # From Airflow 3 on, `execution_timeout` limits each stay of a task on a worker. Before, it also counts the time in
    # which the task is deferred.
    COUNTS_DEFERRED_TIME = False
except ImportError:
    from airflow import DAG
    from airflow.models.param import Param
    from airflow.utils.task_group import TaskGroup

    COUNTS_DEFERRED_TIME = True

try:
    from airflow.sdk import CronTriggerTimetable
except ImportError:
    from airflow.timetables.trigger import CronTriggerTimetable

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:
    from airflow.exceptions import AirflowException, AirflowFailException

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
except ImportError:
    from airflow.operators.empty import EmptyOperator

__all__ = [
    "COUNTS_DEFERRED_TIME",
    "DAG",
    "AirflowException",
    "AirflowFailException",
    "CronTriggerTimetable",
    "EmptyOperator",
    "Param",
    "TaskGroup",
]
