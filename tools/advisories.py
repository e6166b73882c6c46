"""Checks the dependencies against the advisories of RustSec, and prints the date of the database.

    advisories.py                        fetches the database, which needs the network
    advisories.py --database FOLDER      takes a clone of it, for a machine without

The check is that of cargo-deny, with the section [advisories] of deny.toml. It ends with 1 if an advisory applies, and with 2 if
there is no database to check against: nothing checked is not the same as nothing found.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCE = "https://github.com/RustSec/advisory-db"


def configuration(folder: pathlib.Path) -> pathlib.Path:
    """deny.toml, with a folder for the database that nothing else uses: what is there is what has been fetched now."""
    path = folder / "deny.toml"
    place = f'[advisories]\ndb-path = "{folder / "db"}"\ndb-urls = ["{SOURCE}"]\n'
    path.write_text((ROOT / "deny.toml").read_text().replace("[advisories]\n", place, 1))
    return path


def redirected(database: pathlib.Path | None) -> dict[str, str]:
    """The environment in which git takes the clone for the source."""
    if database is None:
        return dict(os.environ)
    place = {"GIT_CONFIG_KEY_0": f"url.{database.resolve().as_uri()}.insteadOf", "GIT_CONFIG_VALUE_0": SOURCE}
    return {**os.environ, "GIT_CONFIG_COUNT": "1", **place}


def newest(database: pathlib.Path) -> str:
    """The last commit of a clone: its date and its hash."""
    log = ["git", "-C", database, "log", "-1", "--date=format:%Y-%m-%d %H:%M", "--format=%cd, commit %h"]
    return subprocess.run(log, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def check(database: pathlib.Path | None) -> int:
    cargo = os.environ.get("CARGO", "cargo")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        deny = [cargo, "deny", "--locked", "--config", configuration(folder)]
        fetched = subprocess.run(
            [*deny, "fetch", "db", *([] if database else ["index"])], cwd=ROOT, env=redirected(database), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        clones = [path.parent for path in folder.glob("db/*/.git")]
        if fetched.returncode or not clones:
            said = re.sub(r"\x1b\[[0-9;]*m", "", fetched.stdout).strip()
            print(f"There is no database of advisories, so nothing was checked.\n{said}", file=sys.stderr)
            print("Name a clone of it: make advisories ADVISORY_DB=folder", file=sys.stderr)
            return 2
        print(f"The newest advisory is of {newest(clones[0])}.", flush=True)
        ended = subprocess.run([*deny, "--offline", "check", "advisories"], cwd=ROOT)
        return int(ended.returncode != 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=pathlib.Path, metavar="FOLDER", help="a clone of the database, made by git")
    return check(parser.parse_args().database)


if __name__ == "__main__":
    sys.exit(main())
