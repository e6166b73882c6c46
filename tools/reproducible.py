"""Builds functions of the last commit twice and compares the bytes of what a release would have of them.

    reproducible.py --arch x86_64 plan-blocks extract

Each build has its own folders for sources, for what is built, and for cargo's home, with names of different lengths, and starts
from nothing. Also the time zone, the language and the number of jobs differ. It ends with 1 if any file differs, and names what
differs: the sections of the program, and texts that only one of the two has.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHOWN = 20
PLACES = {
    "one": {"TZ": "UTC", "LC_ALL": "C", "CARGO_BUILD_JOBS": "1"},
    "another/in-a-deeper/folder": {"TZ": "America/Chicago", "LC_ALL": "C.UTF-8", "CARGO_BUILD_JOBS": "2"},
}


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def unpack(commit: str, folder: pathlib.Path) -> pathlib.Path:
    """The sources of a commit, as git archives them."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", sources], check=True, input=git("archive", commit))
    return sources


def cargo_home(folder: pathlib.Path) -> pathlib.Path:
    """A home of cargo with what has been downloaded already."""
    home = folder / "cargo-home"
    home.mkdir()
    known = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    for entry in known.iterdir():
        if entry.name != "bin":
            (home / entry.name).symlink_to(entry)
    return home


def build(commit: str, place: str, folder: pathlib.Path, arch: str, functions: list[str]) -> pathlib.Path:
    sources = unpack(commit, folder)
    environment = {
        **os.environ, **PLACES[place], "CARGO_HOME": str(cargo_home(folder)), "MDS_BUILD_COMMIT": commit,
        "SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct", commit).decode().strip(),
        # Here are the tools that the target would install.
        "PATH": f"{ROOT / '.venv-e2e/bin'}:{os.environ['PATH']}",
    }
    for name in ("MAKEFLAGS", "MAKELEVEL", "CARGO_TARGET_DIR"):
        environment.pop(name, None)
    make = ["make", "--old-file", ".venv-e2e/installed", "lambda-zips", f"LAMBDA_ARCH={arch}", f"FUNCTIONS={' '.join(functions)}"]
    print(f"== {folder}", flush=True)
    subprocess.run(make, cwd=sources, env=environment, check=True)
    # Gigabytes that nobody needs any more.
    shutil.rmtree(sources / "target")
    return sources / "dist"


def program(path: pathlib.Path) -> bytes:
    with zipfile.ZipFile(path) as packed:
        return packed.read("bootstrap")


def sections(path: pathlib.Path, data: bytes, folder: pathlib.Path) -> dict[str, str]:
    """The checksum of each section of a program."""
    binary = folder / path.with_suffix(".elf").name
    binary.write_bytes(data)
    listing = subprocess.run(["readelf", "--wide", "--sections", binary], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {}
    for line in listing.splitlines():
        if match := re.match(r"\s*\[\s*\d+\] (\.\S+)\s+(\S+)\s+[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", line):
            name, kind, start, size = match[1], match[2], int(match[3], 16), int(match[4], 16)
            found[name] = "" if kind == "NOBITS" else hashlib.sha256(data[start:start + size]).hexdigest()
    return found


def texts(data: bytes) -> set[bytes]:
    return set(re.findall(rb"[\x20-\x7e]{6,}", data))


def explain(one: pathlib.Path, other: pathlib.Path) -> None:
    """Says where two zips of a program differ."""
    first, second = program(one), program(other)
    if first == second:
        print("  the programs are equal, the zips around them are not")
        return
    with tempfile.TemporaryDirectory() as name:
        here, there = (sections(one, data, pathlib.Path(name)) for data in (first, second))
    differing = sorted(section for section in here.keys() | there.keys() if here.get(section) != there.get(section))
    print(f"  {len(first)} and {len(second)} bytes; sections that differ: {', '.join(differing) or 'none'}")
    for label, some, others in (("one", first, second), ("other", second, first)):
        for text in sorted(texts(some) - texts(others))[:SHOWN]:
            print(f"  only in the {label}: {text.decode()[:200]}")


def folders_in(data: bytes, folders: list[pathlib.Path]) -> list[str]:
    return [str(folder) for folder in folders if str(folder).encode() in data]


def compare(one: pathlib.Path, other: pathlib.Path, folders: list[pathlib.Path]) -> int:
    wrong = 0
    # Both were made by the same commands, so they have files of the same names.
    for name in sorted(path.name for path in one.iterdir()):
        same = (one / name).read_bytes() == (other / name).read_bytes()
        print(f"{'equal    ' if same else 'DIFFERENT'} {hashlib.sha256((one / name).read_bytes()).hexdigest()} {name}")
        wrong += not same
        if name.endswith(".zip"):
            if not same:
                explain(one / name, other / name)
            for folder in folders_in(program(one / name), folders):
                print(f"  it names a folder of this machine: {folder}")
                wrong += 1
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="x86_64")
    parser.add_argument("functions", nargs="+")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = {place: pathlib.Path(name, place) for place in PLACES}
        # The branch may move on while it builds.
        commit = git("rev-parse", "HEAD").decode().strip()
        built = [build(commit, place, folder, args.arch, args.functions) for place, folder in folders.items()]
        wrong = compare(*built, [*folders.values(), ROOT, pathlib.Path.home()])
    print("two builds of one commit are equal" if not wrong else f"{wrong} differences")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
