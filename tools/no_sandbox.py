"""Checks that what operators deploy contains no part of the sandbox: neither the functions, nor `mds` without its
feature `sandbox`."""

import subprocess
import sys

FUNCTIONS = ["plan-blocks", "extract", "sync-db", "sync-socrata"]
SANDBOX = ["sandbox-", "local-stack", "axum", "s3s"]


def packages(*selection):
    """Names of the packages that end up in the binaries."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", *selection]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted({line.split()[0] for line in text.splitlines() if line})


def in_sandbox(name):
    return any(name.startswith(start) for start in SANDBOX)


def main():
    builds = {"mds without its feature `sandbox`": ["--package", "mds-cli", "--no-default-features"]}
    builds |= {f"function {name}": ["--package", name] for name in FUNCTIONS}
    failed = False
    for build, selection in builds.items():
        found = [name for name in packages(*selection) if in_sandbox(name)]
        if found:
            failed = True
            print(f"no_sandbox: {build} contains {', '.join(found)}", file=sys.stderr)
    # Proves that the names above are still those of the packages.
    whole = packages("--package", "mds-cli")
    for start in SANDBOX:
        if not any(name.startswith(start) for name in whole):
            failed = True
            print(f"no_sandbox: no package of mds starts with {start}; correct the list", file=sys.stderr)
    if not failed:
        print(f"no sandbox in {', '.join(builds)}")
    sys.exit(1 if failed else 0)


main()
