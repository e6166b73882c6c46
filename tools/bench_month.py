#!/usr/bin/env python3
"""A month of one provider (744 blocks, some 200,000 trips) through `mds run` on the sandbox.

Prints wall time, processor time, peak memory and trips a second of the `mds run` process alone; provider, portal, S3 and
Postgres run beside it on the same machine. Usage: tools/bench_month.py target/release/mds [CONCURRENCY ...]
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

RANGE = ["--time-min", "2020-01-01-00", "--time-max", "2020-02-01-00"]


def main() -> None:
    mds, levels = sys.argv[1], sys.argv[2:] or ["4"]
    print("| concurrency | blocks | trips | seconds | trips/s | processor seconds | peak memory |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for concurrency in levels:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            month(mds, concurrency, os.path.join(folder, "env"))


def month(mds: str, concurrency: str, env: str) -> None:
    sandbox = subprocess.Popen(
        [mds, "sandbox", "--write-env", env, "--trips-per-hour", "495"], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(env, sandbox)
        began = time.monotonic()
        run = subprocess.Popen(
            [mds, "--env-file", env, "--json", "--no-logs", "run", "--provider", "bird", *RANGE, "--concurrency", concurrency],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        summary = json.load(run.stdout)
        _, status, usage = os.wait4(run.pid, 0)
        seconds = time.monotonic() - began
        if status != 0 or summary["done"] != summary["planned"]:
            sys.exit(f"the run did not end well: {summary}")
        trips = summary["trips_loaded"]
        print(
            f"| {concurrency} | {summary['done']} | {trips:,} | {seconds:.1f} | {trips / seconds:,.0f} "
            f"| {usage.ru_utime + usage.ru_stime:.1f} | {usage.ru_maxrss / 1024:.0f} MiB |",
            flush=True,
        )
    finally:
        sandbox.send_signal(signal.SIGINT)
        sandbox.wait(30)


def wait_for(file: str, process: subprocess.Popen) -> None:
    while not os.path.exists(file):
        if process.poll() is not None:
            sys.exit("the sandbox did not start")
        time.sleep(0.05)


main()
