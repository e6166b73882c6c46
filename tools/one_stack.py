"""Checks that the functions bring one TLS stack and one HTTP stack: a second one costs size and start time, and has to
be patched apart. `cargo deny` forbids most of them too, but takes minutes to build."""

import subprocess
import sys

FUNCTIONS = ["plan-blocks", "extract", "sync-db", "sync-socrata"]
# Of each of these there may be one version, and of each group one member.
ALONE = {
    "TLS": ["rustls", "openssl", "openssl-sys", "native-tls", "boring", "s2n-tls", "schannel", "security-framework"],
    "cryptography for TLS": ["aws-lc-rs", "ring"],
    "HTTP": ["hyper", "curl", "ureq", "isahc", "attohttpc", "actix-http"],
    "HTTP client": ["reqwest"],
    "HTTP/2": ["h2"],
}


def linked():
    """Names and versions of what ends up in the binaries: no build scripts' and no tests' dependencies."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
               "--target", "aarch64-unknown-linux-gnu"]
    for function in FUNCTIONS:
        command += ["--package", function]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted({tuple(line.split()[:2]) for line in text.splitlines() if line})


def main():
    inside = linked()
    faults = 0
    for stack, names in ALONE.items():
        found = [f"{name} {version}" for name, version in inside if name in names]
        if len(found) > 1:
            faults += 1
            print(f"one_stack: {len(found)} stacks for {stack}: {', '.join(found)}; "
                  "see `cargo tree --invert` for who wants them", file=sys.stderr)
        else:
            print(f"{stack}: {', '.join(found) or 'none'}")
    sys.exit(1 if faults else 0)


main()
