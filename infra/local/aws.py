"""AWS on this machine: the state machine and its four functions, connected to the services that an env file names.

moto interprets `statemachine.asl.json` unchanged, in the role of Step Functions; `interpreter.py` makes it as strict as
AWS. The functions' binaries get their events from the Runtime API of `cargo lambda watch`, in the role of Lambda. S3,
Postgres, the portal and the providers are those of the env file, for example of `mds sandbox`. This script knows nothing
about the pipeline.

When everything is running it prints one line of JSON. It ends when its standard input is closed:

    {"endpoint_url": "http://127.0.0.1:40001", "state_machine_arn": "arn:aws:states:us-east-1:…"}
"""

import argparse
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import interpreter

REGION = "us-east-1"
ACCOUNT = "123456789012"
NAME = "mds-etl"
# The number of environments of each function, and so of the events it can process at the same time.
FUNCTIONS = {"plan-blocks": 1, "extract": 2, "sync-db": 2, "sync-socrata": 2}
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


class LambdaClient:
    """The part of the Lambda client that the interpreter uses, for the invoke endpoint of `cargo lambda watch`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def invoke(self, FunctionName: str, Payload: bytes, **_: object) -> dict:
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


def start_step_functions(definition: str, name: str = NAME) -> dict[str, str]:
    import boto3
    import moto.core.config
    from moto.server import ThreadedMotoServer

    moto.core.config.default_user_config["stepfunctions"]["execute_state_machine"] = True
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "stepfunctions",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    created = client.create_state_machine(
        name=name, definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/{NAME}"
    )
    return {"endpoint_url": endpoint, "state_machine_arn": created["stateMachineArn"]}


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

    def start(self, name: str, command: list[str], env: dict[str, str]) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                ["/bin/sh", "-c", WITH_THE_PARENT, name, *command],
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        for child in self.running.values():
            child.stdin.close()
        for child in self.running.values():
            child.wait()


def start_lambda(children: Children, binaries: pathlib.Path, env: dict[str, str]) -> str:
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
    for name, environments in FUNCTIONS.items():
        for n in range(1, environments + 1):
            runtime = {
                "AWS_LAMBDA_RUNTIME_API": f"{url}/.rt/{name}",
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY_MB,
            }
            children.start(f"{name}-{n}", [str(binaries / name)], {**env, **runtime})
    return url


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
        "--logs", type=pathlib.Path, default=root / "target" / "local-aws",
        help="folder of the processes' log files (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    args = arguments()
    missing = [name for name in FUNCTIONS if not (args.functions / name).exists()]
    if missing:
        raise SystemExit(f"{args.functions} has no {', '.join(missing)}: build them first, for example with `make e2e`")
    args.logs.mkdir(parents=True, exist_ok=True)
    env = read_env_file(args.env_file)
    # SIGTERM ends this process in the same way as the end of standard input.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    children = Children(args.logs)
    try:
        lambda_url = start_lambda(children, args.functions, env)
        interpreter.use_clients({"lambda": lambda: LambdaClient(lambda_url), "s3": lambda: s3_client(env)})
        interpreter.be_strict()
        print(json.dumps(start_step_functions(substituted(args.definition, env))), flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    finally:
        children.stop()


if __name__ == "__main__":
    main()
