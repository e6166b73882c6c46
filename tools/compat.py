"""Runs the command line of an older commit and this one's over the same tables, each over the other's.

    compat.py --ref v1.2.3             builds `mds` of that commit in a worktree of its own
    compat.py --old path/to/mds        takes one that is built

An older program works on with newer tables, as while a deployment goes on. A newer one over older tables says at once what
to do, changes nothing, and goes on after `mds migrate` where the older one has stopped.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
START_SECONDS = 90
# A database that is away is waited for much longer.
AT_ONCE_SECONDS = 30
HOURS = ["--provider", "all", "--time-min", "2020-01-15-12"]
FIRST, SECOND = [*HOURS, "--time-max", "2020-01-15-14"], [*HOURS, "--time-max", "2020-01-15-16"]
AUDIT = ["audit", "--time-min", "2020-01-15-12", "--time-max", "2020-01-15-16"]


def build(ref: str) -> pathlib.Path:
    """Builds `mds` of a commit, next to the builds of this one."""
    folder = ROOT / "target" / "compat"
    source = folder / "source"
    subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
    if source.exists():
        subprocess.run(["git", "worktree", "remove", "--force", source], cwd=ROOT, check=True)
    subprocess.run(["git", "worktree", "add", "--detach", "--quiet", source, ref], cwd=ROOT, check=True)
    env = {**os.environ, "CARGO_TARGET_DIR": str(folder / "target")}
    subprocess.run(["cargo", "build", "--locked", "--bin", "mds"], cwd=source, env=env, check=True)
    return folder / "target" / "debug" / "mds"


class Sandbox:
    """The services of a program's sandbox, with the tables that this program has migrated."""

    def __init__(self, mds: pathlib.Path, folder: pathlib.Path) -> None:
        self.env_file = folder / "sandbox.env"
        self.log = (folder / "sandbox.log").open("wb")
        command = [mds, "sandbox", "--folder", folder / "data", "--write-env", self.env_file]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def __enter__(self) -> "Sandbox":
        until = time.monotonic() + START_SECONDS
        while not self.env_file.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise SystemExit(f"the sandbox did not start; see {self.log.name}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def run(self, what: str, mds: pathlib.Path, status: int | None, *args: str) -> subprocess.CompletedProcess:
        began = time.monotonic()
        command = [mds, "--env-file", self.env_file, "--no-logs", *args]
        done = subprocess.run(command, capture_output=True, text=True)
        took = time.monotonic() - began
        said = (done.stdout + done.stderr).strip().splitlines()
        print(f"{what}: mds {' '.join(args)}: exit {done.returncode} after {took:.1f} s: {said[-1] if said else ''}")
        if status is not None and done.returncode != status:
            raise SystemExit(f"exit {status} was expected:\n{done.stdout}{done.stderr}")
        if status == 2 and took > AT_ONCE_SECONDS:
            raise SystemExit(f"it took {took:.0f} s to say so")
        return done


def expect(done: subprocess.CompletedProcess, words: str) -> None:
    if words not in done.stdout + done.stderr:
        raise SystemExit(f"`{words}` was expected in:\n{done.stdout}{done.stderr}")


def is_same_portal(sandbox: Sandbox, mds: pathlib.Path) -> None:
    report = json.loads(sandbox.run("check", mds, 0, "--json", *AUDIT).stdout)
    if report["database_rows"] == 0 or report["missing"] + report["different"] + report["extra"] > 0:
        raise SystemExit(f"the portal differs from the database: {report}")


def old_code_on_new_tables(old: pathlib.Path, new: pathlib.Path, folder: pathlib.Path) -> None:
    with Sandbox(new, folder) as sandbox:
        sandbox.run("old code, new tables", old, 0, "run", *FIRST)
        sandbox.run("old code, new tables", old, 0, "run", *FIRST, "--force")
        sandbox.run("old code, new tables", old, 0, *AUDIT[:3], "--time-max", "2020-01-15-14")
        sandbox.run("new code goes on", new, 0, "run", *SECOND)
        sandbox.run("old code again", old, 0, "run", *SECOND, "--force", "--no-extract")
        expect(sandbox.run("new code again", new, 0, "run", *SECOND), "nothing to do")
        is_same_portal(sandbox, new)


def new_code_on_old_tables(old: pathlib.Path, new: pathlib.Path, folder: pathlib.Path) -> None:
    with Sandbox(old, folder) as sandbox:
        sandbox.run("old code, old tables", old, 0, "run", *FIRST)
        done = sandbox.run("new code, old tables", new, None, "run", *SECOND, "--dry-run")
        if done.returncode == 0:
            print("both commits have the same tables")
        else:
            expect(sandbox.run("new code, old tables", new, 2, "run", *SECOND), "mds migrate")
        sandbox.run("migration", new, 0, "migrate")
        sandbox.run("new code goes on", new, 0, "run", *SECOND)
        sandbox.run("old code after the migration", old, 0, "run", *SECOND, "--force")
        is_same_portal(sandbox, new)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--ref", help="the older commit")
    which.add_argument("--old", type=pathlib.Path, help="the older `mds`")
    parser.add_argument("--new", type=pathlib.Path, default=ROOT / "target" / "debug" / "mds")
    args = parser.parse_args()
    old = args.old or build(args.ref)
    for direction in (old_code_on_new_tables, new_code_on_old_tables):
        # Postgres does not run as root, and its account has to reach the folder.
        with tempfile.TemporaryDirectory(prefix="mds-compat-", dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            direction(old, args.new, pathlib.Path(folder))
    print("compatible")


if __name__ == "__main__":
    sys.exit(main())
