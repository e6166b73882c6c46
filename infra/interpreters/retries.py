"""How often each step is tried after each error, and how its execution ends, in two unrelated interpreters.

Each case runs in moto (made strict by `infra/local/interpreter.py`) and in aws-local-stepfunctions, and is compared with
what the definition says by the letter of the specification. One half of the cases fails always; the other half recovers
at the last attempt. Waits are skipped. Prints the table; with `--check FILE` it compares the table with the file's.
"""

import argparse
import io
import json
import logging
import pathlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/local"))
import aws  # noqa: E402
import interpreter  # noqa: E402

# What AWS reports besides our own names: errors of the environment, of the network, of Lambda, and unknown ones.
OF_AWS = [
    "States.Timeout",
    "Runtime.OutOfMemory",
    "Runtime.ExitError",
    "Runtime.InvalidEntrypoint",
    "Sandbox.Timedout",
    "Extension.Crash",
    "Lambda.Unknown",
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.ResourceConflictException",
    "Lambda.ResourceNotReadyException",
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.CodeArtifactUserFailedException",
    "Lambda.EC2ThrottledException",
    "Lambda.ENILimitReachedException",
    "Lambda.SubnetIPAddressLimitReachedException",
    "Lambda.KMSThrottlingException",
    "Lambda.NameOfTheFutureException",
]
# Lambda's client raises these; the others are the `errorType` of a function's answer.
CLIENT_ERRORS = {name for name in OF_AWS if name.startswith("Lambda.") and name != "Lambda.Unknown"}
STEPS = {"Extract": "extract", "SyncDb": "sync-db", "SyncSocrata": "sync-socrata"}
STATES = ["PlanBlocks", *STEPS, "Summarize"]
FUNCTIONS = {"extract": "Extract", "sync-db": "SyncDb", "sync-socrata": "SyncSocrata"}
FOR_EVER = 1000
MAX_SECONDS = 120
# In place of a step's own limit, for the cases that exceed it.
LIMIT_SECONDS = 2


class Case:
    """One error of one state, always or for as many times as leave one attempt."""

    def __init__(self, state: str, error: str, attempts: int, always: bool) -> None:
        self.id = f"{state} {error} {'always' if always else 'recovers'}"
        self.state = state
        self.error = error
        self.attempts = attempts
        self.failures = FOR_EVER if always else attempts - 1
        # An hour that is not published yet is no failure.
        is_late = state == "Extract" and error == "ProviderNotReady"
        self.ends_with = error if always and not is_late else None

    def input(self) -> dict:
        return {"case": self.id, "steps": [STEPS[self.state]] if self.state in STEPS else []}

    def is_met(self, calls: int, error: str | None) -> bool:
        # AWS reserves the names that begin with States, and moto does not repeat one in a Fail.
        is_reserved = self.ends_with == "States.Timeout" and error == "States.Runtime"
        return calls == self.attempts and (error == self.ends_with or is_reserved)


def our_names() -> list[str]:
    source = (ROOT / "crates/pipeline/src/error.rs").read_text()
    return re.findall(r'^        \w+ => "(\w+)",$', source, re.MULTILINE)


def attempts(state: dict, error: str) -> int:
    """The number of attempts by the specification: the first retrier that names the error decides."""
    for retrier in state["Retry"]:
        names = retrier["ErrorEquals"]
        if error in names or ("States.TaskFailed" in names and error != "States.Timeout"):
            return 1 + retrier["MaxAttempts"]
    return 1


def cases(definition: dict) -> Iterator[Case]:
    states = {**definition["States"], **definition["States"]["Blocks"]["ItemProcessor"]["States"]}
    for state in STATES:
        for error in our_names() + OF_AWS:
            tried = attempts(states[state], error)
            yield Case(state, error, tried, always=True)
            if tried > 1:
                yield Case(state, error, tried, always=False)


class Functions:
    """The four functions, for moto: each call is of one case, and fails as the case says."""

    def __init__(self, all_cases: list[Case]) -> None:
        self.cases = {case.id: case for case in all_cases}
        self.calls = dict.fromkeys(self.cases, 0)
        self.lock = threading.Lock()

    def invoke(self, FunctionName: str, Payload: bytes, **_: object) -> dict:
        event = json.loads(Payload)
        function = FunctionName.rsplit(":", 1)[-1]
        if "summarize" in event:
            state, case_id = "Summarize", event["summarize"]["run_id"]
        else:
            state, case_id = FUNCTIONS.get(function, "PlanBlocks"), event["case"]
        case = self.cases.get(case_id)
        if case is not None and case.state == state:
            with self.lock:
                self.calls[case_id] += 1
                fails = self.calls[case_id] <= case.failures
            if fails:
                return self.fail(case)
        if state == "PlanBlocks":
            event = {
                "run_id": case_id, "block_count": 1, "dry_run": False, "max_concurrency": 8,
                "manifest": {"bucket": "bucket", "key": event.get("manifest", "nothing")},
                "config": {"settings": {"etag": "one"}, "providers": {"etag": "two"}},
            }  # fmt: skip
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(event).encode())}

    @staticmethod
    def fail(case: Case) -> dict:
        if case.error == "States.Timeout":
            time.sleep(LIMIT_SECONDS + 0.5)
        elif case.error in CLIENT_ERRORS:
            raise aws.service_error(500, b"the cause", case.error.removeprefix("Lambda."))
        answer = {"errorType": case.error, "errorMessage": "the cause"}
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(answer).encode())}


class Manifests:
    """The bucket, for moto."""

    def __init__(self, manifests: dict[str, list[dict]]) -> None:
        self.manifests = manifests

    def get_object(self, Bucket: str, Key: str) -> dict:
        return {"Body": io.BytesIO(json.dumps(self.manifests[Key]).encode())}

    def put_object(self, **_: object) -> None:
        """Takes the Map's results, which nothing reads."""


def run_all(client, machine: str, requests: list[dict]) -> Iterator[tuple[str, str | None]]:
    """Runs an execution for each request, all at once; how each has ended."""
    running = [
        client.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]
        for request in requests
    ]
    until = time.monotonic() + MAX_SECONDS
    for request, arn in zip(requests, running, strict=True):
        while (execution := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > until:
                raise SystemExit(f"moto has not ended {request['case']}")
            time.sleep(0.02)
        yield request["case"], execution.get("error")


def in_moto(text: str, all_cases: list[Case]) -> dict[str, tuple[int, str | None]]:
    timeouts = [case for case in all_cases if case.error == "States.Timeout"]
    others = [case for case in all_cases if case.error != "States.Timeout"]
    manifests = {
        # moto does not take an empty one.
        "nothing": [{"case": "nothing", "steps": ["extract"]}],
        "timeouts": [case.input() for case in timeouts if case.state in STEPS],
        "others": [case.input() for case in others if case.state in STEPS],
    }
    functions = Functions(all_cases)
    ends: dict[str, str | None] = {}
    interpreter.use_clients({"lambda": lambda: functions, "s3": lambda: Manifests(manifests)})
    interpreter.be_strict()
    interpreter.parse_once()
    interpreter.skip_waits(lambda _: None)
    interpreter.watch_children(lambda item, error, _: ends.__setitem__(item["case"], error))
    # moto writes whole definitions into its log.
    logging.disable()
    import boto3

    # The machine with the short limit comes last: a busy interpreter would exceed it by itself.
    limited = text.replace('"TimeoutSeconds": 930', f'"TimeoutSeconds": {LIMIT_SECONDS}')
    for name, definition, group in (("others", text, others), ("timeouts", limited, timeouts)):
        started = aws.start_step_functions(definition, name)
        client = boto3.client(
            "stepfunctions", region_name=aws.REGION, endpoint_url=started["endpoint_url"],
            aws_access_key_id="local", aws_secret_access_key="local",
        )  # fmt: skip
        requests = [{"case": name, "manifest": name}]
        requests += [{"case": case.id} for case in group if case.state not in STEPS]
        for case_id, end in run_all(client, started["state_machine_arn"], requests):
            ends[case_id] = end
    return {case.id: (functions.calls[case.id], ends.get(case.id, "not run")) for case in all_cases}


def in_the_second(text: str, all_cases: list[Case]) -> dict[str, tuple[int, str | None]]:
    request = {
        "definition": json.loads(text),
        "cases": [
            {
                "id": case.id, "machine": "item" if case.state in STEPS else "whole", "input": case.input(),
                "state": case.state, "error": case.error, "failures": case.failures,
            }
            for case in all_cases
        ],
    }  # fmt: skip
    node = pathlib.Path(sys.executable).with_name("node")
    script = pathlib.Path(__file__).with_name("second.mjs")
    done = subprocess.run([node, script], input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"aws-local-stepfunctions does not run (`make setup` installs it):\n{done.stderr}")
    return {name: (end["calls"], end["error"]) for name, end in json.loads(done.stdout).items()}


def table(all_cases: list[Case]) -> str:
    tried = {(case.error, case.state): case.attempts for case in all_cases}
    lines = [f"| error | {' | '.join(f'`{state}`' for state in STATES)} |", "| --- |" + " --- |" * len(STATES)]
    for error in our_names() + OF_AWS:
        lines.append(f"| `{error}` | " + " | ".join(str(tried[error, state]) for state in STATES) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=pathlib.Path, metavar="FILE", help="a document that has the table")
    args = parser.parse_args()
    path = ROOT / "statemachine.asl.json"
    all_cases = list(cases(json.loads(path.read_text())))
    text = aws.substituted(path, {"ATD_MDS_BUCKET": "bucket"})
    found = {"aws-local-stepfunctions": in_the_second(text, all_cases), "moto": in_moto(text, all_cases)}
    wrong = 0
    for name, ends in found.items():
        for case in all_cases:
            calls, error = ends[case.id]
            if not case.is_met(calls, error):
                print(f"{name}: {case.id}: {calls} calls and {error}, not {case.attempts} and {case.ends_with}")
                wrong += 1
    if wrong:
        return 1
    if args.check is None:
        print(table(all_cases))
    elif table(all_cases) not in args.check.read_text():
        print(f"{args.check} has another table than this:\n\n{table(all_cases)}")
        return 1
    print(f"{len(all_cases)} passed, 0 failed: each case of a state and an error, in {' and in '.join(found)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
