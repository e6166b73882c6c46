"""Shared by the DAGs of mds-etl: starts an execution of the state machine and waits for its end.

An execution is one run of the pipeline. It fails if a block failed. Then the sensor fails its task with the execution's
error and cause, which names the first failed blocks.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from airflow.providers.amazon.aws.operators.step_function import StepFunctionStartExecutionOperator
from airflow.providers.amazon.aws.sensors.step_function import StepFunctionExecutionSensor
from airflow.providers.amazon.aws.triggers.step_function import StepFunctionsExecutionCompleteTrigger
from mds_airflow import COUNTS_DEFERRED_TIME, AirflowException, AirflowFailException, TaskGroup

STATE_MACHINE_ARN = "{{ var.value.mds_etl_state_machine_arn }}"
CONNECTION = "aws_default"
POLL_SECONDS = "{{ var.value.get('mds_etl_poll_seconds', '30') }}"
# The limit of Step Functions on the name of an execution.
MAX_NAME_CHARACTERS = 80
# The trigger waits on if an execution has timed out or waits to be redriven, since it does not know these statuses. So
# the task looks once in this time, whatever the trigger has seen.
LOOK_AFTER = timedelta(hours=1)
# A request to AWS with its retries takes minutes at most.
WORKER_TIME = timedelta(minutes=15)
# In the message of a trigger that saw no end in its time.
WAITED_TO_THE_END = "max attempts reached"
MAX_WAIT = timedelta(days=30)
# Why an execution that succeeded had nothing to do, if it means that it was asked for the wrong thing.
NOBODY_TO_ASK = ("no_provider",)
NOTHING_OF_THE_KIND = (*NOBODY_TO_ASK, "before_start", "not_ended", "not_archived", "not_loaded")


def execution_name(dag_id: str, task_group: str, dag_run: Any, attempt: int) -> str:
    """One name per attempt, so that a repeated request for an attempt starts no second execution.

    A DAG run that was deleted and created again has the same id and counts its attempts from 1. So its start is in the
    name, too.
    """
    started = f"{dag_run.start_date:%Y%m%dT%H%M%S}" if dag_run.start_date else "0"
    name = re.sub(r"[^0-9A-Za-z_-]+", "-", f"{dag_id}-{task_group}-{dag_run.run_id}-{started}-{attempt}")
    if len(name) <= MAX_NAME_CHARACTERS:
        return name
    digest = sha256(name.encode()).hexdigest()[:16]
    return f"{name[: MAX_NAME_CHARACTERS - len(digest) - 1]}-{digest}"


def request(**fields: Any) -> str:
    """The input of an execution, without the fields that are not set."""
    return json.dumps({name: value for name, value in fields.items() if is_set(value)})


def is_set(value: Any) -> bool:
    # 0 is a value, for example a lag of no hours.
    return value is not None and value is not False and value not in ("", [])


def scheduled_request(dag_run: Any, **fields: Any) -> str:
    """The input of a scheduled execution, with the time for which the DAG run stands.

    A run that is started by hand without a date stands for now. It has no interval, in Airflow 3.
    """
    time = dag_run.data_interval_end or dag_run.run_after
    return request(scheduled_time=time.isoformat(), **fields)


def backfill_request(first_day: str | None = None, last_day: str | None = None, **fields: Any) -> str:
    """The input of a backfill. Whole civil days become the range of their hours."""
    if fields.get("providers") and fields.get("provider") == "all":
        # `all` is the default, which remains in the form of somebody who names some.
        del fields["provider"]
    if (first_day or last_day) and (fields.get("time_min") or fields.get("time_max")):
        raise ValueError("give days or times, not both")
    if bool(first_day) != bool(last_day) and not fields.get("interval"):
        # One end alone would mean one hour.
        raise ValueError("give the first and the last day; for one day, the same")
    if not any(is_set(it) for it in (first_day, last_day, *map(fields.get, ("time_min", "time_max", "interval")))):
        raise ValueError("give a range: the first and the last day, or the hours From and Until")
    if first_day:
        fields["time_min"] = f"{date.fromisoformat(first_day)}-00"
    if last_day:
        fields["time_max"] = f"{date.fromisoformat(last_day) + timedelta(days=1)}-00"
    return request(**fields)


MACROS = {
    "backfill_request": backfill_request,
    "execution_name": execution_name,
    "scheduled_request": scheduled_request,
}


class ExecutionSensor(StepFunctionExecutionSensor):
    """Waits in the triggerer for the end of an execution, and fails with its error and cause.

    The execution's output becomes the XCom `output`, as that of the sensor of the provider package.
    """

    template_fields = (*StepFunctionExecutionSensor.template_fields, "poll_seconds", "wait_hours")

    def __init__(self, *, poll_seconds: str, wait_hours: str, mistakes: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poll_seconds = poll_seconds
        self.mistakes = mistakes
        self.wait_hours = wait_hours

    def execute(self, context: Any) -> None:
        self.wait_in_the_triggerer()

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> None:
        """Called when the trigger has ended. Older versions of it raise an exception where newer ones send an event."""
        if next_method != "__fail__":
            return super().resume_execution(next_method, next_kwargs, context)
        failure = next_kwargs or {}
        return self.look(context, "\n".join(failure.get("traceback") or []) or str(failure.get("error")))

    def resume(self, context: Any, event: dict[str, Any] | None = None) -> None:
        self.look(context, (event or {}).get("message"))

    def look(self, context: Any, problem: str | None) -> None:
        """Asks for the execution's end, whatever the trigger has seen."""
        execution = self.hook.describe_execution(self.execution_arn)
        status = execution["status"]
        if status == "SUCCEEDED":
            output = json.loads(execution.get("output") or "null")
            self.log.info("The execution has succeeded: %s", output)
            context["ti"].xcom_push(key="output", value=output)
            self.check_that_something_was_meant(output)
        elif status in ("RUNNING", "PENDING_REDRIVE"):
            self.check_time(status, execution["startDate"])
            if problem and WAITED_TO_THE_END not in problem:
                # A retry of this task tries the triggerer again.
                raise AirflowException(f"the triggerer cannot wait for {self.execution_arn}: {problem}")
            self.wait_in_the_triggerer()
        else:
            self.fail(execution)

    def check_that_something_was_meant(self, output: Any) -> None:
        """A range in the future is no failure of the execution, but hardly what somebody wanted."""
        nothing = (output or {}).get("nothing") or {}
        if nothing.get("reason") in self.mistakes and not output.get("dry_run"):
            raise AirflowFailException(f"{self.execution_arn} had nothing to do: {nothing.get('message')}")

    def check_time(self, status: str, started: datetime) -> None:
        if datetime.now(timezone.utc) >= started + self.longest_wait():
            # A retry would find the same.
            raise AirflowFailException(
                f"{self.execution_arn} is still {status} after {self.wait_hours} hours. It goes on; this task no longer "
                "waits. Stop it if it hangs, or raise the Variable for the wait and clear this task."
            )

    def wait_in_the_triggerer(self) -> None:
        poll = max(1, int(self.poll_seconds))
        time = min(LOOK_AFTER, self.longest_wait())
        self.defer(
            trigger=StepFunctionsExecutionCompleteTrigger(
                execution_arn=self.execution_arn,
                waiter_delay=poll,
                waiter_max_attempts=1 + math.ceil(time.total_seconds() / poll),
                aws_conn_id=self.aws_conn_id,
            ),
            method_name="resume",
            # Without a running triggerer, the task fails and is tried again.
            timeout=time + WORKER_TIME,
        )

    def longest_wait(self) -> timedelta:
        hours = float(self.wait_hours)
        if not 0 < hours <= MAX_WAIT / timedelta(hours=1):
            raise AirflowFailException(f"the wait is {hours:g} hours: give more than 0 and at most 720")
        return timedelta(hours=hours)

    def fail(self, execution: dict[str, Any]) -> None:
        error = execution.get("error") or "no error"
        cause = execution.get("cause") or "no cause"
        try:
            # A function's failure is an object with its name, which is `error` already, and its message.
            cause = json.loads(cause)["errorMessage"]
        except (ValueError, TypeError, KeyError):
            pass
        self.log.error("The execution is %s: %s: %s", execution["status"], error, cause)
        # The execution has ended, so a retry of this task would fail in the same way.
        raise AirflowFailException(f"{self.execution_arn} {execution['status']}: {error}: {cause}")


def run_pipeline(
    group: str,
    state_machine_input: str,
    wait_hours: str,
    mistakes: tuple[str, ...] = NOBODY_TO_ASK,
    **start_options: Any,
) -> TaskGroup:
    """Tasks that start an execution with this input and wait for its end.

    It fails, too, if it had nothing to do for one of the reasons in `mistakes`.
    """
    with TaskGroup(group) as tasks:
        start = StepFunctionStartExecutionOperator(
            task_id="start",
            state_machine_arn=STATE_MACHINE_ARN,
            name=f"{{{{ execution_name(dag.dag_id, '{group}', dag_run, ti.try_number) }}}}",
            state_machine_input=state_machine_input,
            aws_conn_id=CONNECTION,
            # The AWS client retries under the same name. A retry of the task would start another execution.
            retries=0,
            execution_timeout=WORKER_TIME,
            deferrable=False,
            **start_options,
        )
        ExecutionSensor(
            task_id="wait",
            execution_arn=start.output,
            poll_seconds=POLL_SECONDS,
            wait_hours=wait_hours,
            mistakes=mistakes,
            aws_conn_id=CONNECTION,
            retries=5,
            retry_delay=timedelta(minutes=1),
            execution_timeout=MAX_WAIT + LOOK_AFTER if COUNTS_DEFERRED_TIME else WORKER_TIME,
        )
    return tasks
