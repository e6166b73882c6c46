"""Shared by the DAGs of mds-etl: starts an execution of the state machine and waits for its end.

An execution is one run of the pipeline. It fails if a block failed. Then the sensor fails its task with the execution's
error and cause, which names the first failed blocks.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

from airflow.providers.amazon.aws.operators.step_function import StepFunctionStartExecutionOperator
from airflow.providers.amazon.aws.sensors.step_function import StepFunctionExecutionSensor
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import TaskGroup
from airflow.sdk.exceptions import AirflowFailException

STATE_MACHINE_ARN = "{{ var.value.mds_etl_state_machine_arn }}"
CONNECTION = "aws_default"
POLL_SECONDS = "{{ var.value.get('mds_etl_poll_seconds', '30') }}"
# The limit of Step Functions on the name of an execution.
MAX_NAME_CHARACTERS = 80


def execution_name(dag_id: str, task_group: str, run_id: str, attempt: int) -> str:
    """One name per attempt of each DAG run, so that a repeated request for an attempt starts no second execution."""
    name = re.sub(r"[^0-9A-Za-z_-]+", "-", f"{dag_id}-{task_group}-{run_id}-{attempt}")
    if len(name) <= MAX_NAME_CHARACTERS:
        return name
    digest = sha256(name.encode()).hexdigest()[:16]
    return f"{name[: MAX_NAME_CHARACTERS - len(digest) - 1]}-{digest}"


def request(**fields: Any) -> str:
    """The input of an execution, without the fields that are not set."""
    return json.dumps({name: value for name, value in fields.items() if value not in (None, "", False)})


MACROS = {"execution_name": execution_name, "request": request}


class ExecutionSensor(StepFunctionExecutionSensor):
    """Waits for an execution without occupying a worker, and fails with its error."""

    template_fields = (*StepFunctionExecutionSensor.template_fields, "poll_seconds")

    def __init__(self, *, poll_seconds: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poll_seconds = poll_seconds

    def execute(self, context: Any, event: Any = None) -> None:
        execution = self.hook.describe_execution(self.execution_arn)
        status = execution["status"]
        if status == "SUCCEEDED":
            self.log.info("Execution succeeded: %s", execution.get("output"))
            return
        if status in ("RUNNING", "PENDING_REDRIVE"):
            pause = TimeDeltaTrigger(timedelta(seconds=float(self.poll_seconds)))
            self.defer(trigger=pause, method_name="execute")
        # The execution has ended, so a retry of this task would fail in the same way.
        error, cause = execution.get("error", "no error"), execution.get("cause", "no cause")
        raise AirflowFailException(f"{self.execution_arn} {status}: {error}: {cause}")


def run_pipeline(group: str, state_machine_input: str) -> TaskGroup:
    """Tasks that start an execution with this input and wait for its end."""
    with TaskGroup(group) as tasks:
        start = StepFunctionStartExecutionOperator(
            task_id="start",
            state_machine_arn=STATE_MACHINE_ARN,
            name=f"{{{{ execution_name(dag.dag_id, '{group}', dag_run.run_id, ti.try_number) }}}}",
            state_machine_input=state_machine_input,
            aws_conn_id=CONNECTION,
            # The AWS client retries under the same name. A retry of the task would start another execution.
            retries=0,
            deferrable=False,
        )
        ExecutionSensor(
            task_id="wait",
            execution_arn=start.output,
            poll_seconds=POLL_SECONDS,
            aws_conn_id=CONNECTION,
            retries=5,
            retry_delay=timedelta(minutes=1),
        )
    return tasks
