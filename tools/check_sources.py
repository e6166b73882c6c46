"""Checks that rustfmt and clippy do not make: the width of comments, the place of unit tests, and that no generated file
is committed. CONTRIBUTING.md, "Style", has the rules."""

import pathlib
import re
import subprocess
import sys

WIDTH = 100
COMMENT = re.compile(r"^\s*//[/!]?( |$)")
# A link or a path cannot be broken.
UNBREAKABLE = re.compile(r"^\s*//[/!]? *\S+$")


def tracked():
    text = subprocess.run(["git", "ls-files", "-z"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [pathlib.Path(name) for name in text.split("\0") if name]


def faults_in(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if COMMENT.match(line) and len(line) > WIDTH and not UNBREAKABLE.match(line):
            yield number, f"a comment is {len(line)} columns wide; the limit is {WIDTH}"
        if re.match(r"^(pub )?mod tests \{", line) and "src" in path.parts:
            yield number, "unit tests belong in a separate file: `mod tests;` and <module>/tests.rs"
    if "src" in path.parts and not (lines and lines[0].startswith(("//!", "#!["))) and path.name != "tests.rs":
        if "tests" not in path.parts:
            yield 1, "a module starts with a `//!` comment that says what it holds"


def main():
    faults = []
    for path in tracked():
        if not path.exists():
            continue
        if path.suffix == ".pyc" or "__pycache__" in path.parts or "target" in path.parts[:1]:
            faults.append(f"{path}: a file that a program makes is committed")
        elif path.name == "mod.rs" and "src" in path.parts:
            faults.append(f"{path}: a module with children belongs in <module>.rs, not in mod.rs")
        if path.suffix == ".rs":
            faults += [f"{path}:{number}: {fault}" for number, fault in faults_in(path)]
    print("\n".join(faults) if faults else "sources: comments, unit tests and committed files are in order",
          file=sys.stderr if faults else sys.stdout)
    sys.exit(1 if faults else 0)


main()
