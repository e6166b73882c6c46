"""Checks that the functions link one TLS stack and one HTTP stack: a second one costs size and start time, and needs
security updates of its own. `cargo deny` bans most of them too, but takes minutes to build."""

import subprocess
import sys

FUNCTIONS = ["plan-blocks", "extract", "sync-db", "sync-socrata"]
# The functions may link one package of each group, in one version.
ALONE = {
    "TLS": ["rustls", "openssl", "openssl-sys", "native-tls", "boring", "s2n-tls", "schannel", "security-framework"],
    "cryptography for TLS": ["aws-lc-rs", "ring"],
    "HTTP": ["hyper", "curl", "ureq", "isahc", "attohttpc", "actix-http"],
    "HTTP client": ["reqwest"],
    "HTTP/2": ["h2"],
}


def linked():
    """Names and versions of the packages in the binaries, without dependencies of build scripts and tests."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
               "--target", "aarch64-unknown-linux-gnu"]
    for function in FUNCTIONS:
        command += ["--package", function]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted({tuple(line.split()[:2]) for line in text.splitlines() if line})


def main():
    packages = linked()
    failures = 0
    for stack, names in ALONE.items():
        found = [f"{name} {version}" for name, version in packages if name in names]
        if len(found) > 1:
            failures += 1
            print(f"one_stack: {len(found)} stacks for {stack}: {', '.join(found)}; "
                  "`cargo tree --invert` shows which packages need them", file=sys.stderr)
        else:
            print(f"{stack}: {', '.join(found) or 'none'}")
    sys.exit(1 if failures else 0)


main()
