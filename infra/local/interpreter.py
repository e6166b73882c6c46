"""moto's interpreter of Amazon States Language, made as strict as AWS where moto is lenient.

Without this, a definition that fails on AWS can pass here: moto takes a Choice whose variable is missing for one that does
not match, tolerates every failed child of a distributed Map, lets States.ALL catch errors that end an execution on AWS,
and gives all executions without a name the same one.
"""

import functools
import threading
import time
import types
import uuid
from collections.abc import Callable

CLIENT = Callable[[], object]


def use_clients(clients: dict[str, CLIENT]) -> None:
    """Makes the interpreter use these clients of Lambda and S3 instead of moto's own mocks.

    Call this before importing anything else of moto, because its modules import the patched function by name.
    """
    from moto.stepfunctions.parser.asl.utils import boto_client

    def client_for(region: str, service: str, state_credentials: object = None) -> object:
        if service not in clients:
            raise ValueError(f"the definition uses {service}, which is not available here")
        return clients[service]()

    boto_client.boto_client_for = client_for


def be_strict() -> None:
    """Corrects what moto is lenient about. Call this after `use_clients`."""
    _guard_choices()
    _count_failed_children()
    _let_runtime_errors_through()
    _fail_as_item_reader()
    _refuse_concurrency_that_is_no_number()
    _name_executions()
    _count_retries_apart()
    _list_map_runs_from_the_start()


def parse_once() -> None:
    """Parses a definition once instead of for each execution, which takes a good part of a second."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    AmazonStateLanguageParser.parse = staticmethod(functools.cache(AmazonStateLanguageParser.parse))


def _list_map_runs_from_the_start() -> None:
    """moto answers with 500 when it is asked for the Map runs of an execution that is just starting."""
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend as Backend

    list_map_runs = Backend.list_map_runs

    def listed(self: object, execution_arn: str) -> dict:
        worker = self.describe_execution(execution_arn=execution_arn).exec_worker
        if worker is None or worker.env is None:
            return {"mapRuns": []}
        return list_map_runs(self, execution_arn)

    Backend.list_map_runs = listed


def _count_retries_apart() -> None:
    """moto makes the key of a retrier's counter at its first use, so that two children of a Map can lose a count."""
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

    EvalComponent.heap_key = property(lambda self: str(id(self)))


def _failure(env: object, name: str, cause: str) -> Exception:
    from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType, TaskFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    if name == "States.Runtime":
        kind = HistoryEventType.ExecutionFailed
        details = EventDetails(executionFailedEventDetails=ExecutionFailedEventDetails(error=name, cause=cause))
    else:
        kind = HistoryEventType.TaskFailed
        details = EventDetails(taskFailedEventDetails=TaskFailedEventDetails(error=name, cause=cause))
    error = StatesErrorName(typ=StatesErrorNameType.from_name(name))
    return FailureEventException(FailureEvent(env=env, error_name=error, event_type=kind, event_details=details))


def _guard_choices() -> None:
    """On AWS, a comparison with a path that leads nowhere ends the execution. Only IsPresent may look."""
    from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
        ComparisonOperatorType,
    )
    from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_variable import ComparisonVariable
    from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable

    def compare(self: ComparisonVariable, env: object) -> None:
        self.variable.eval(env)
        is_missing = isinstance(env.stack[-1], NoSuchVariable)
        if is_missing and self.comparison_function.operator_type != ComparisonOperatorType.IsPresent:
            path = self.variable.string_sampler.literal_value
            cause = f"Invalid path '{path}': The choice state's condition path references an invalid value."
            raise _failure(env, "States.Runtime", cause)
        self.comparison_function.eval(env)

    ComparisonVariable._eval_body = compare


def _count_failed_children() -> None:
    """On AWS, a Map fails if more of its children fail than it tolerates. AWS stops the others then; this one waits."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import distributed_iteration_component

    component = distributed_iteration_component.DistributedIterationComponent
    run = component._map_run

    def run_and_count(self: object, env: object, eval_input: object) -> None:
        run(self, env, eval_input)
        counts = eval_input.map_run_record.item_counter
        failed = counts.failed.get() + counts.timed_out.get()
        number, percentage = eval_input.tolerated_failure_count, eval_input.tolerated_failure_percentage
        # Zero is the default of both. If only one of them is given, the other does not count.
        too_many = (number > 0 or percentage == 0) and failed > number
        too_large = percentage > 0 and failed * 100 > percentage * counts.total.get()
        if too_many or too_large:
            cause = "The specified tolerated failure threshold was exceeded"
            raise _failure(env, "States.ExceedToleratedFailureThreshold", cause)

    component._map_run = run_and_count


def _let_runtime_errors_through() -> None:
    """On AWS, States.ALL stands for every error but these two."""
    from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl

    matches = ErrorEqualsDecl._eval_body

    def matches_on_aws(self: ErrorEqualsDecl, env: object) -> None:
        name = getattr(env.stack[-1], "error_name", None)
        matches(self, env)
        if name in ("States.Runtime", "States.DataLimitExceeded"):
            env.stack[-1] = False

    ErrorEqualsDecl._eval_body = matches_on_aws


def _fail_as_item_reader() -> None:
    """On AWS, a manifest that cannot be read is States.ItemReaderFailed, whatever S3 answered."""
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.item_reader_decl import ItemReader

    read = ItemReader._eval_body

    def read_or_fail(self: ItemReader, env: object) -> None:
        try:
            read(self, env)
        except FailureEventException:
            raise
        except Exception as error:
            raise _failure(env, "States.ItemReaderFailed", str(error)) from error

    ItemReader._eval_body = read_or_fail


def _refuse_concurrency_that_is_no_number() -> None:
    """moto takes "10" and 2.5 as well."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.max_concurrency import MaxConcurrencyPath

    def read(self: MaxConcurrencyPath, env: object) -> int:
        self.string_sampler.eval(env=env)
        value = env.stack.pop()
        if type(value) is not int or value < 0:
            path = self.string_sampler.literal_value
            cause = f'The MaxConcurrencyPath field refers to value "{value}" which is not a valid integer: {path}'
            raise _failure(env, "States.Runtime", cause)
        return value

    MaxConcurrencyPath._eval_max_concurrency = read


def _name_executions() -> None:
    """A schedule starts an execution without a name, and AWS gives each its own."""
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    start = StepFunctionsParserBackend.start_execution

    def start_named(self: object, state_machine_arn: str, name: str | None = None, *args: object, **kwargs: object):
        return start(self, state_machine_arn, name or str(uuid.uuid4()), *args, **kwargs)

    StepFunctionsParserBackend.start_execution = start_named


def skip_waits(waited: Callable[[float], None]) -> None:
    """Makes a retry begin at once. `waited` gets the seconds that it would have waited."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

    # Only this module's name `time` is replaced, so that nothing else is sped up.
    retrier_decl.time = types.SimpleNamespace(sleep=waited, time=time.time)


def scale_waits(factor: float) -> None:
    """Makes a retry wait for a part of its time."""
    sleep = time.sleep
    skip_waits(lambda seconds: sleep(seconds * factor))


def watch_children(ended: Callable[[dict, str | None, str | None], None]) -> None:
    """Tells how each child of a distributed Map ends: its item, and the error and cause of one that failed."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
        distributed_item_processor_worker as module,
    )
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramError

    worker = module.DistributedItemProcessorWorker
    run = worker._eval_job
    lock = threading.Lock()

    def run_and_tell(self: object, env: object, job: object) -> None:
        run(self, env, job)
        state = env.program_state()
        failed = state.error if isinstance(state, ProgramError) else {}
        with lock:
            ended(job.job_input, failed.get("error"), failed.get("cause"))

    worker._eval_job = run_and_tell
