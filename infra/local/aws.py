"""AWS on this machine: the state machine and its four functions, connected to the services that an env file names.

moto interprets `statemachine.asl.json` unchanged, in the role of Step Functions; `interpreter.py` makes it as strict as
AWS. `functions.py` runs the functions' binaries, in the role of Lambda. S3, Postgres, the portal and the providers are those
of the env file, for example of `mds sandbox`. This script knows nothing about the pipeline.

When everything is running it prints one line of JSON. Step Functions and Secrets Manager are at the first address, Lambda's
invocations at the second:

    {"endpoint_url": "http://127.0.0.1:40001", "lambda_endpoint_url": "http://127.0.0.1:40002", "state_machine_arn": "arn:…"}

It obeys the lines of its standard input, and responds to each with a line of JSON:

- `restart` starts the functions again, with the env file as it is now; `restart FOLDER` with other binaries. An invocation
  ends with the code that it began with, and the next one waits for the new code.
- `fate {"function": "extract", "invocation": 3, "after_ms": 200, "freeze_ms": 5000}` disturbs an invocation to come: see
  `environments.Fate`. Instead of `freeze_ms`: `"kill": true`, `"cut": true`, or `timeout_ms`.
- `kill extract` kills each process of a function that works on an event. `freeze extract 5000` freezes them for so many
  milliseconds.
- `figures` counts what has happened.

The script ends when its standard input is closed.
"""

import argparse
import dataclasses
import io
import json
import pathlib
import signal
import sys

import interpreter
from environments import Environment, Fate
from functions import ACCOUNT, REGION, Functions, function_of

NAME = "mds-etl"
# The number of environments of each function, and so of the events it can process at the same time.
ENVIRONMENTS = {"plan-blocks": 1, "extract": 2, "sync-db": 2, "sync-socrata": 2}
# The variable with the Fernet keys.
KEYS = "ATD_MDS_FERNET_KEY"
SUBSTITUTIONS = {
    "plan-blocks": "PlanBlocksFunctionArn",
    "extract": "ExtractFunctionArn",
    "sync-db": "SyncDbFunctionArn",
    "sync-socrata": "SyncSocrataFunctionArn",
}
ROOT = pathlib.Path(__file__).resolve().parents[2]


class LambdaClient:
    """The part of the Lambda client that the interpreter uses."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions

    def invoke(self, FunctionName: str, Payload: bytes, **_: object) -> dict:
        response = self.functions.invoke(function_of(FunctionName), Payload)
        failed = {"FunctionError": "Unhandled"} if response.is_error else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(response.body), **failed}


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


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--env-file", type=pathlib.Path, required=True,
        help="NAME=value lines, as written by `mds sandbox`; they are the whole environment of the functions",
    )  # fmt: skip
    parser.add_argument(
        "--functions", type=pathlib.Path, default=ROOT / "target" / "debug",
        help="folder of the functions' binaries (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--definition", type=pathlib.Path, default=ROOT / "statemachine.asl.json",
        help="the state machine (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--key-secret", metavar="NAME",
        help="put the env file's Fernet keys into a secret of this name, where the functions read them, as on AWS",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", metavar="NAME=SECONDS", type=timeout, action="append", default=[],
        help="another timeout of a function than that of the template",
    )  # fmt: skip
    parser.add_argument(
        "--waits", metavar="FACTOR", type=float, default=1.0,
        help="how long the state machine waits before it tries again, as a part of what the definition says",
    )  # fmt: skip
    parser.add_argument(
        "--logs", type=pathlib.Path, default=ROOT / "target" / "local-aws",
        help="folder of the processes' log files (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


class Stack:
    """Everything that runs, and what it was started with."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        timeouts = {**timeouts_of_template(), **dict(args.timeout)}
        self.functions = Functions(ENVIRONMENTS, timeouts, args.logs)

    def start(self) -> dict[str, str]:
        if problem := missing(self.args.functions):
            raise SystemExit(problem)
        env = read_env_file(self.args.env_file)
        interpreter.use_clients({"lambda": lambda: LambdaClient(self.functions), "s3": lambda: s3_client(env)})
        interpreter.be_strict()
        interpreter.scale_waits(self.args.waits)
        self.endpoint = start_moto()
        if self.args.key_secret:
            secrets = moto_client("secretsmanager", self.endpoint)
            secrets.create_secret(Name=self.args.key_secret, SecretString=env[KEYS])
        self.use(self.args.functions)
        return {
            "endpoint_url": self.endpoint,
            "lambda_endpoint_url": self.functions.url,
            "state_machine_arn": create_state_machine(self.endpoint, substituted(self.args.definition, env)),
        }

    def use(self, binaries: pathlib.Path) -> None:
        env = with_keys_in_secret(read_env_file(self.args.env_file), self.endpoint, self.args.key_secret)
        self.functions.use(binaries, env)

    def obey(self, line: str) -> dict[str, object]:
        command, _, rest = line.strip().partition(" ")
        if command not in COMMANDS:
            return {"error": f"{command!r} is no command; the commands are {', '.join(COMMANDS)}"}
        try:
            return COMMANDS[command](self, rest)
        except (KeyError, TypeError, ValueError) as error:
            return {"error": f"{line.strip()}: {error!r}"}

    def restart(self, folder: str) -> dict[str, object]:
        binaries = pathlib.Path(folder or self.functions.binaries)
        if problem := missing(binaries):
            return {"error": problem}
        self.use(binaries)
        return {"restarted": str(binaries)}

    def fate(self, fate: str) -> dict[str, object]:
        self.functions.fates.append(Fate(**json.loads(fate)))
        return {"fates": len(self.functions.fates)}

    def kill(self, function: str) -> dict[str, object]:
        return {"killed": self.functions.strike(function, Environment.kill)}

    def freeze(self, what: str) -> dict[str, object]:
        function, milliseconds = what.split()
        seconds = int(milliseconds) / 1000
        return {"frozen": self.functions.strike(function, lambda environment: environment.freeze(seconds))}

    def figures(self, _: str) -> dict[str, object]:
        return {
            **dataclasses.asdict(self.functions.figures),
            "frozen_now": self.functions.number(lambda environment: environment.freezes > 0),
            "ghosts_now": self.functions.number(lambda environment: environment.is_ghost),
        }


COMMANDS = {
    "restart": Stack.restart,
    "fate": Stack.fate,
    "kill": Stack.kill,
    "freeze": Stack.freeze,
    "figures": Stack.figures,
}


def timeouts_of_template() -> dict[str, float]:
    """The timeout of each function in seconds."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads a template, whose intrinsic functions do not matter here."""

    Loader.add_multi_constructor("!", lambda *_: None)
    template = yaml.load((ROOT / "infra/template.yaml").read_text(), Loader)
    general = template["Globals"]["Function"]["Timeout"]
    timeouts = {}
    for name, placeholder in SUBSTITUTIONS.items():
        function = template["Resources"][placeholder.removesuffix("Arn")]
        timeouts[name] = function["Properties"].get("Timeout", general)
    return timeouts


def timeout(text: str) -> tuple[str, float]:
    """`extract=30`."""
    name, _, seconds = text.partition("=")
    if name not in ENVIRONMENTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(ENVIRONMENTS)}")
    return name, float(seconds)


def missing(functions: pathlib.Path) -> str | None:
    """What is wrong with a folder of binaries."""
    absent = [name for name in ENVIRONMENTS if not (functions / name).exists()]
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
        stack.functions.close()


if __name__ == "__main__":
    main()
