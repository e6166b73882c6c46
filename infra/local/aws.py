"""AWS on this machine: the state machine and its four functions, connected to the services that an env file names.

moto interprets `statemachine.asl.json` unchanged, in the role of Step Functions; `interpreter.py` makes it as strict as
AWS. The functions' binaries get their events from the Runtime API of `cargo lambda watch`, in the role of Lambda. S3,
Postgres, the portal and the providers are those of the env file, for example of `mds sandbox`. This script knows nothing
about the pipeline.

When everything is running it prints one line of JSON. Step Functions and Secrets Manager are at the first address, Lambda's
invocations at the second:

    {"endpoint_url": "http://127.0.0.1:40001", "lambda_endpoint_url": "http://127.0.0.1:40002", "state_machine_arn": "arn:…"}

The line `restart` on its standard input starts the functions again, with the env file as it is now; `restart FOLDER` with
other binaries. An invocation ends with the code that it began with, and the next one waits for the new code. The answer is
one line. The script ends when its standard input is closed.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import interpreter

REGION = "us-east-1"
ACCOUNT = "123456789012"
NAME = "mds-etl"
# The number of environments of each function, and so of the events it can process at the same time.
FUNCTIONS = {"plan-blocks": 1, "extract": 2, "sync-db": 2, "sync-socrata": 2}
# The variable with the Fernet keys.
KEYS = "ATD_MDS_FERNET_KEY"
SUBSTITUTIONS = {
    "plan-blocks": "PlanBlocksFunctionArn",
    "extract": "ExtractFunctionArn",
    "sync-db": "SyncDbFunctionArn",
    "sync-socrata": "SyncSocrataFunctionArn",
}
MEMORY_MB = "1024"
# The timeout of the functions in the template.
LAMBDA_SECONDS = 900
START_SECONDS = 60
# Kills its command when standard input is closed. That happens however this process ends, even by kill -9.
WITH_THE_PARENT = """
exec 3<&0
"$@" </dev/null & child=$!
(while read -r _; do :; done; kill $child) <&3 2>/dev/null &
wait $child
"""


class Gate:
    """Lets invocations through, but holds them while the functions are replaced."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.is_open = True
        self.inside = 0

    @contextlib.contextmanager
    def invocation(self) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: self.is_open)
            self.inside += 1
        try:
            yield
        finally:
            with self.changed:
                self.inside -= 1
                self.changed.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Waits for the invocations in progress, and holds all others for as long as the block takes."""
        with self.changed:
            self.is_open = False
            self.changed.wait_for(lambda: self.inside == 0)
        try:
            yield
        finally:
            with self.changed:
                self.is_open = True
                self.changed.notify_all()


class LambdaClient:
    """The part of the Lambda client that the interpreter uses, for the invoke endpoint of `cargo lambda watch`."""

    def __init__(self, url: str, gate: Gate) -> None:
        self.url = url
        self.gate = gate

    def invoke(self, FunctionName: str, Payload: bytes, **_: object) -> dict:
        with self.gate.invocation():
            return self.send(FunctionName, Payload)

    def send(self, FunctionName: str, Payload: bytes) -> dict:
        name = FunctionName.rsplit(":", 1)[-1]
        request = urllib.request.Request(
            f"{self.url}/2015-03-31/functions/{name}/invocations", data=Payload, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=LAMBDA_SECONDS) as response:
                return {"StatusCode": 200, "Payload": io.BytesIO(response.read())}
        except urllib.error.HTTPError as error:
            body = error.read()
            # For a failed function, Lambda returns 200 with a header, and `cargo lambda watch` returns 500.
            if b"errorType" not in body:
                raise service_error(error.code, body) from error
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(body)}
        except urllib.error.URLError as error:
            raise service_error(500, str(error.reason).encode()) from error


def service_error(status: int, body: bytes, code: str | None = None) -> Exception:
    """The error of Lambda itself, and not of a function, as AWS's client raises it."""
    from botocore.exceptions import ClientError

    code = code or ("TooManyRequestsException" if status == 429 else "ServiceException")
    error = {"Code": code, "Message": body.decode(errors="replace") or f"status {status}"}
    response = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "local"}}
    return ClientError(response, "Invoke")


def s3_client(env: dict[str, str]) -> object:
    import boto3

    return boto3.session.Session().client(
        "s3",
        region_name=REGION,
        endpoint_url=env["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def start_moto() -> str:
    import moto.core.config
    from moto.server import ThreadedMotoServer

    moto.core.config.default_user_config["stepfunctions"]["execute_state_machine"] = True
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def moto_client(service: str, endpoint: str) -> object:
    import boto3

    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def start_step_functions(definition: str, name: str = NAME) -> dict[str, str]:
    endpoint = start_moto()
    return {"endpoint_url": endpoint, "state_machine_arn": create_state_machine(endpoint, definition, name)}


def create_state_machine(endpoint: str, definition: str, name: str = NAME) -> str:
    created = moto_client("stepfunctions", endpoint).create_state_machine(
        name=name, definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/{NAME}"
    )
    return created["stateMachineArn"]


def with_keys_in_secret(env: dict[str, str], endpoint: str, name: str | None) -> dict[str, str]:
    """The environment of functions that read the Fernet keys from a secret, as those of the template do."""
    if not name:
        return env
    rest = {variable: value for variable, value in env.items() if variable != KEYS}
    return {**rest, f"{KEYS}_SECRET": name, "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint}


def substituted(definition: pathlib.Path, env: dict[str, str]) -> str:
    values = {
        placeholder: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        for name, placeholder in SUBSTITUTIONS.items()
    }
    values["Partition"] = "aws"
    values["BucketName"] = env["ATD_MDS_BUCKET"]
    values["Stage"] = env.get("ATD_MDS_RUN_MODE", "STAGING").lower()
    # A definition contains other dollar signs as well; only these are placeholders.
    text = definition.read_text()
    for name, value in values.items():
        text = text.replace("${" + name + "}", value)
    return text


def read_env_file(path: pathlib.Path) -> dict[str, str]:
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Children:
    """The processes of this stack, each with its own log file. They end with this process."""

    def __init__(self, logs: pathlib.Path) -> None:
        self.logs = logs
        self.running: dict[str, subprocess.Popen] = {}
        self.logged: set[str] = set()

    def start(self, name: str, command: list[str], env: dict[str, str]) -> None:
        # A process that is started again goes on in the log of its predecessor.
        mode = "ab" if name in self.logged else "wb"
        self.logged.add(name)
        with (self.logs / f"{name}.log").open(mode) as log:
            self.running[name] = subprocess.Popen(
                ["/bin/sh", "-c", WITH_THE_PARENT, name, *command],
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, but: str | None = None) -> None:
        ending = {name: child for name, child in self.running.items() if name != but}
        for child in ending.values():
            child.stdin.close()
        for name, child in ending.items():
            child.wait()
            del self.running[name]


def start_lambda(children: Children) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    cargo_lambda = pathlib.Path(sys.executable).with_name("cargo-lambda")
    watch = ["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"]
    children.start(
        "lambda",
        [str(cargo_lambda), *watch, "--invoke-port", str(port), "--timeout", str(LAMBDA_SECONDS)],
        dict(os.environ),
    )
    wait_for_port(port, children, "lambda")
    return url


def start_functions(children: Children, binaries: pathlib.Path, env: dict[str, str], url: str) -> None:
    for name, environments in FUNCTIONS.items():
        for n in range(1, environments + 1):
            runtime = {
                "AWS_LAMBDA_RUNTIME_API": f"{url}/.rt/{name}",
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY_MB,
            }
            children.start(f"{name}-{n}", [str(binaries / name)], {**env, **runtime})


def wait_for_port(port: int, children: Children, name: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if children.running[name].poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} does not respond on port {port}; see {children.logs}/{name}.log")
            time.sleep(0.05)


def arguments() -> argparse.Namespace:
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--env-file", type=pathlib.Path, required=True,
        help="NAME=value lines, as written by `mds sandbox`; they are the whole environment of the functions",
    )  # fmt: skip
    parser.add_argument(
        "--functions", type=pathlib.Path, default=root / "target" / "debug",
        help="folder of the functions' binaries (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--definition", type=pathlib.Path, default=root / "statemachine.asl.json",
        help="the state machine (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--key-secret", metavar="NAME",
        help="put the env file's Fernet keys into a secret of this name, where the functions read them, as on AWS",
    )  # fmt: skip
    parser.add_argument(
        "--logs", type=pathlib.Path, default=root / "target" / "local-aws",
        help="folder of the processes' log files (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


class Stack:
    """Everything that runs, and what it was started with."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.functions: pathlib.Path = args.functions
        self.children = Children(args.logs)
        self.gate = Gate()

    def start(self) -> dict[str, str]:
        if problem := missing(self.functions):
            raise SystemExit(problem)
        env = read_env_file(self.args.env_file)
        self.lambda_url = start_lambda(self.children)
        interpreter.use_clients(
            {"lambda": lambda: LambdaClient(self.lambda_url, self.gate), "s3": lambda: s3_client(env)}
        )
        interpreter.be_strict()
        self.endpoint = start_moto()
        if self.args.key_secret:
            secrets = moto_client("secretsmanager", self.endpoint)
            secrets.create_secret(Name=self.args.key_secret, SecretString=env[KEYS])
        self.start_functions()
        return {
            "endpoint_url": self.endpoint,
            "lambda_endpoint_url": self.lambda_url,
            "state_machine_arn": create_state_machine(self.endpoint, substituted(self.args.definition, env)),
        }

    def start_functions(self) -> None:
        env = with_keys_in_secret(read_env_file(self.args.env_file), self.endpoint, self.args.key_secret)
        start_functions(self.children, self.functions, env, self.lambda_url)

    def obey(self, line: str) -> dict[str, str]:
        command, _, folder = line.strip().partition(" ")
        if command != "restart":
            return {"error": f"{command!r} is no command; write `restart` or `restart FOLDER`"}
        functions = pathlib.Path(folder or self.functions)
        if problem := missing(functions):
            return {"error": problem}
        self.functions = functions
        with self.gate.closed():
            self.children.stop(but="lambda")
            self.start_functions()
        return {"restarted": str(functions)}


def missing(functions: pathlib.Path) -> str | None:
    """What is wrong with a folder of binaries."""
    absent = [name for name in FUNCTIONS if not (functions / name).exists()]
    if absent:
        return f"{functions} has no {', '.join(absent)}: build them first, for example with `make e2e`"
    return None


def main() -> None:
    args = arguments()
    args.logs.mkdir(parents=True, exist_ok=True)
    # SIGTERM ends this process in the same way as the end of standard input.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stack = Stack(args)
    try:
        print(json.dumps(stack.start()), flush=True)
        for line in sys.stdin:
            print(json.dumps(stack.obey(line)), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        stack.children.stop()


if __name__ == "__main__":
    main()
