"""Runs a DAG in a temporary Airflow, against a Step Functions endpoint.

`airflow dags test` runs it in one process, which is quick. `--services` runs it as a deployment does: scheduler, triggerer
and, from Airflow 3 on, DAG processor and API server. Only so a trigger that fails its task can be seen with older versions.

Everything is logged to standard output. The exit status is 0 if the DAG run succeeded, 1 if it failed, and 2 if it could
not be started.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

DAGS = pathlib.Path(__file__).resolve().parents[1] / "dags"
REGION = "us-east-1"
SERVICE_SECONDS = 240


def environment(home: str, args: argparse.Namespace) -> dict[str, str]:
    connection = {
        "conn_type": "aws",
        "login": "local",
        "password": "local",
        "extra": {"endpoint_url": args.endpoint, "region_name": REGION},
    }
    variables = {"mds_etl_state_machine_arn": args.state_machine, "mds_etl_poll_seconds": "1"}
    variables.update(pair.split("=", 1) for pair in args.variable)
    return {
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": home,
        # The command line of Airflow 3.0 leaves the folder out, unlike the processes that read DAGs and run tasks.
        "PYTHONPATH": str(DAGS),
        "NO_PROXY": "127.0.0.1",
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        **{f"AIRFLOW_VAR_{name.upper()}": value for name, value in variables.items()},
    }


def problem(env: dict[str, str], dag: str, conf: str) -> str | None:
    """The reason why the DAG cannot be run, or None."""
    try:
        if not isinstance(json.loads(conf), dict):
            return "--conf is not a JSON object"
    except ValueError as error:
        return f"--conf is not JSON: {error}"
    if airflow(env, "db", "migrate") != 0:
        return "airflow db migrate failed"
    if airflow(env, "dags", "reserialize") != 0 or airflow(env, "dags", "details", dag) != 0:
        return f"there is no DAG {dag}"
    return None


def airflow(env: dict[str, str], *args: str) -> int:
    command = [sys.executable, "-m", "airflow", *args]
    return subprocess.run(command, env=env, stderr=subprocess.STDOUT, check=False).returncode


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def with_services(env: dict[str, str], dag: str, conf: str) -> int:
    """Triggers the DAG, and waits for the end of its run."""
    api, home = free_port(), pathlib.Path(env["AIRFLOW_HOME"])
    env |= {
        "AIRFLOW__API__PORT": api,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": free_port(),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": free_port(),
    }
    commands = [["scheduler"], ["triggerer"]]
    if not version("apache-airflow").startswith("2."):
        commands += [["api-server", "--port", api, "--workers", "1"], ["dag-processor"]]
    services = []
    try:
        for command in commands:
            with (home / f"{command[0]}.log").open("wb") as log:
                start = [sys.executable, "-m", "airflow", *command]
                options = {"env": env, "stdout": log, "stderr": log, "start_new_session": True}
                services.append(subprocess.Popen(start, **options))
        if airflow(env, "dags", "unpause", dag) != 0 or airflow(env, "dags", "trigger", dag, "--conf", conf) != 0:
            return 1
        return int(end_of_run(home / "airflow.db", dag) != "success")
    finally:
        for service in services:
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()
        for log in sorted(home.rglob("*.log")):
            print(f"== {log.relative_to(home)}\n{log.read_text(errors='replace')}")


def end_of_run(database: pathlib.Path, dag: str) -> str:
    until = time.monotonic() + SERVICE_SECONDS
    while time.monotonic() < until:
        time.sleep(1)
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30) as connection:
            found = connection.execute("SELECT state FROM dag_run WHERE dag_id = ?", (dag,)).fetchone()
        if found and found[0] in ("success", "failed"):
            return found[0]
    return "not ended in time"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="URL of Step Functions")
    parser.add_argument("--state-machine", required=True, help="ARN of the state machine")
    parser.add_argument("--dag", required=True)
    parser.add_argument("--date", help="the time for which the DAG run stands (default: now)")
    parser.add_argument("--conf", default="{}", help="the parameters of the DAG run, as JSON")
    parser.add_argument("--variable", action="append", default=[], help="a Variable, as NAME=VALUE")
    parser.add_argument("--services", action="store_true", help="run all services of Airflow")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mds-airflow-") as home:
        env = environment(home, args)
        if reason := problem(env, args.dag, args.conf):
            print(reason, file=sys.stderr)
            return 2
        if args.services:
            return with_services(env, args.dag, args.conf)
        date = [args.date] if args.date else []
        return int(airflow(env, "dags", "test", args.dag, *date, "--conf", args.conf) != 0)


if __name__ == "__main__":
    sys.exit(main())
