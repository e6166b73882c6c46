"""Runs a DAG with `airflow dags test`, in a temporary Airflow, against a Step Functions endpoint.

Everything is logged to standard output. The exit status is 0 if the DAG run succeeded, 1 if it failed, and 2 if it could
not be started.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

DAGS = pathlib.Path(__file__).resolve().parents[1] / "dags"
REGION = "us-east-1"


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
        "PATH": os.environ["PATH"],
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="URL of Step Functions")
    parser.add_argument("--state-machine", required=True, help="ARN of the state machine")
    parser.add_argument("--dag", required=True)
    parser.add_argument("--date", help="the time for which the DAG run stands (default: now)")
    parser.add_argument("--conf", default="{}", help="the parameters of the DAG run, as JSON")
    parser.add_argument("--variable", action="append", default=[], help="a Variable, as NAME=VALUE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mds-airflow-") as home:
        env = environment(home, args)
        if reason := problem(env, args.dag, args.conf):
            print(reason, file=sys.stderr)
            return 2
        date = [args.date] if args.date else []
        return int(airflow(env, "dags", "test", args.dag, *date, "--conf", args.conf) != 0)


if __name__ == "__main__":
    sys.exit(main())
