"""Writes the bill of materials of a program: which crates are linked into it, in CycloneDX.

    sbom.py --package mds-cli --target x86_64-unknown-linux-musl --out dist/mds.cdx.json --shipped dist/mds

It lists what `cargo tree` names for the target, and nothing else: no crate of tests, of build scripts or of macros, whose code
runs only while others are compiled. Each has its licence, and the checksum by which Cargo.lock knows it. Crates of this
workspace have neither checksum nor package URL, since no registry has them. `--built-with` names packages of the same build,
because packages that are built together share the features of what they depend on.

The same commit gives the same file. With `--shipped`, the program is searched for the sources that it was made of: a crate that
the list lacks is an error.
"""

import argparse
import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
SPEC_VERSION = "1.6"
NAMESPACE = uuid.UUID("5a1f3f0e-7e0b-5a53-9e1c-3d3f0c0e6c11")
# A line of `cargo tree --prefix depth`: the depth, the name, the version, and where the crate lies unless in the registry.
LINE = re.compile(r"(?P<depth>\d+)(?P<name>[A-Za-z_][\w-]*) v(?P<version>\S+)(?P<rest>.*)")
# Where cargo keeps the sources of a crate: their names stay in a program as those of panics and of debug lines.
SOURCE = re.compile(rb"registry/src/[^/\0]+/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[^/\0]*)/")


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def tree(packages, target, default_features=True):
    """What each crate depends on, by (name, version), as cargo resolves it for these packages together."""
    command = ["cargo", "tree", "--locked", "--target", target, "--edges", "normal,no-proc-macro", "--prefix", "depth"]
    command += ["--format", "{p}", *(word for package in packages for word in ("--package", package))]
    command += [] if default_features else ["--no-default-features"]
    return edges(output(*command))


def edges(listing):
    found, above = {}, []
    for line in filter(None, listing.splitlines()):
        match = LINE.fullmatch(line)
        if not match:
            sys.exit(f"cargo tree printed a line that is not understood: {line}")
        crate = (match["name"], match["version"])
        del above[int(match["depth"]):]
        if above:
            found[above[-1]].add(crate)
        # Cargo prints what is below a crate once, and "(*)" where it leaves it out.
        found.setdefault(crate, set())
        above.append(crate)
    return found


def reachable(found, root):
    """The crates below a root, itself included."""
    seen, left = set(), [root]
    while left:
        crate = left.pop()
        if crate not in seen:
            seen.add(crate)
            left.extend(found[crate])
    return seen


@functools.cache
def manifests(target):
    metadata = json.loads(output("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target))
    return {(it["name"], it["version"]): it for it in metadata["packages"]}


def checksums():
    """The SHA-256 of each crate's archive in the registry, from Cargo.lock."""
    found = {}
    for block in (ROOT / "Cargo.lock").read_text().split("[[package]]")[1:]:
        values = dict(re.findall(r'^(name|version|checksum) = "(.+)"$', block, re.MULTILINE))
        if "checksum" in values:
            found[values["name"], values["version"]] = values["checksum"]
    return found


def licence(manifest):
    expression = manifest.get("license")
    if not expression:
        sys.exit(f"{manifest['name']} {manifest['version']} declares no licence")
    # The older form of "or".
    return [{"expression": re.sub(r"\s*/\s*", " OR ", expression)}]


def reference(crate, manifest):
    name, version = crate
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}" if manifest["source"] else f"workspace:{name}@{version}"


def component(crate, manifest, sums):
    name, version = crate
    known = reference(crate, manifest)
    links = [{"type": kind, "url": manifest[key].strip()} for key, kind in (("homepage", "website"), ("repository", "vcs"))
             if manifest.get(key)]
    made = {"type": "library", "bom-ref": known, "name": name, "version": version, "scope": "required",
            "licenses": licence(manifest)}
    if manifest["source"]:
        made |= {"purl": known, "hashes": [{"alg": "SHA-256", "content": sums[crate]}]}
    return made | ({"externalReferences": links} if links else {})


def commit():
    """The commit and its time; as the build of `mds`, from the environment, git, or the archive that git made."""
    known = os.environ.get("MDS_BUILD_COMMIT"), os.environ.get("SOURCE_DATE_EPOCH")
    archived = (ROOT / "cli/commit.txt").read_text().split() if (ROOT / "cli/commit.txt").exists() else []
    if (ROOT / ".git").exists():
        archived = output("git", "log", "-1", "--format=%H %ct").split()
    name = known[0] or (archived[0] if archived else "unknown")
    seconds = known[1] or (archived[1] if len(archived) > 1 and archived[1].isdigit() else "0")
    return name, datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def tools():
    versions = (output(program, "--version").split() for program in ("cargo", "rustc"))
    return [{"type": "application", "name": words[0], "version": words[1]} for words in versions]


def bill(package, target, built_with=(), default_features=True, name=None, shipped=None):
    """The document, as a dictionary."""
    found, about, sums = tree([package, *built_with], target, default_features), manifests(target), checksums()
    root, = (crate for crate in found if crate[0] == package)
    linked = sorted(reachable(found, root) - {root})
    made_from, time = commit()
    application = {
        "type": "application",
        "bom-ref": reference(root, about[root]),
        "name": name or package,
        "version": root[1],
        "licenses": licence(about[root]),
        "properties": [
            {"name": "mds-etl:commit", "value": made_from},
            {"name": "mds-etl:features", "value": "default" if default_features else "none"},
            {"name": "mds-etl:target", "value": target},
        ],
    }
    if shipped:
        application["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(shipped.read_bytes()).hexdigest()}]
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": uuid.uuid5(NAMESPACE, f"{application['name']} {root[1]} {target} {made_from}").urn,
        "version": 1,
        "metadata": {"timestamp": time, "tools": {"components": tools()}, "component": application},
        "components": [component(crate, about[crate], sums) for crate in linked],
        "dependencies": [
            {"ref": reference(crate, about[crate]),
             "dependsOn": sorted(reference(below, about[below]) for below in found[crate])}
            for crate in sorted([root, *linked])
        ],
    }


def named_in(program):
    """The crates of the registry whose sources the bytes of a program name."""
    return {(name.decode(), version.decode()) for name, version in SOURCE.findall(program)}


def missing(document, program):
    listed = {(it["name"], it["version"]) for it in document["components"]}
    return sorted(f"{name} {version}" for name, version in named_in(program) - listed)


def write(document, out):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1, sort_keys=False, ensure_ascii=False) + "\n")
    print(f"{len(document['components'])} crates in {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--name", help="what the program is called, if not as its package")
    parser.add_argument("--built-with", action="append", default=[], metavar="PACKAGE")
    parser.add_argument("--no-default-features", action="store_true")
    parser.add_argument("--shipped", type=pathlib.Path, help="the program as it is shipped, whose checksum is named")
    parser.add_argument("--searched", type=pathlib.Path, help="the program before it was stripped")
    args = parser.parse_args()
    document = bill(args.package, args.target, args.built_with, not args.no_default_features, args.name, args.shipped)
    for program in filter(None, (args.shipped, args.searched)):
        if lacking := missing(document, program.read_bytes()):
            sys.exit(f"{program} is made of crates that the list lacks: {', '.join(lacking)}")
    write(document, args.out)


if __name__ == "__main__":
    main()
