"""Tests of the bill of materials: it names exactly what is linked, in the form of CycloneDX."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import sbom  # noqa: E402

# As a release is built, whatever a developer has set: it would add the features of the whole workspace.
os.environ.pop("CARGO_RESOLVER_FEATURE_UNIFICATION", None)

FUNCTIONS = ["plan-blocks", "extract", "sync-db", "sync-socrata"]
MUSL, GNU = "x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"
# Each is used in this workspace, and never linked into a program that is shipped.
NEVER = {"criterion", "insta", "proptest", "wiremock", "assert_cmd", "cc", "serde_derive", "syn", "bench"}


def cargo_tree(package, target):
    """What cargo lists below a package, read in another way than by the tool."""
    command = ["cargo", "tree", "--locked", "--target", target, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    command += ["--package", package, "--format", "{p}"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    crates = [tuple(line.split(" ")[:2]) for line in listing.splitlines() if line]
    return {crate for crate in crates if crate[0] != package}


def listed(document):
    return {(it["name"], f"v{it['version']}") for it in document["components"]}


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mds = sbom.bill("mds-cli", MUSL, name="mds")
        cls.functions = {name: sbom.bill(name, GNU, set(FUNCTIONS) - {name}) for name in FUNCTIONS}

    def test_every_crate_that_is_linked_is_listed_and_no_other(self):
        for package, target, document in (("mds-cli", MUSL, self.mds), ("extract", GNU, sbom.bill("extract", GNU))):
            linked = cargo_tree(package, target)
            self.assertEqual(listed(document), linked, package)
            self.assertGreater(len(linked), 100)

    def test_what_only_tests_and_compilers_run_is_not_listed(self):
        for document in (self.mds, *self.functions.values()):
            self.assertEqual({it["name"] for it in document["components"]} & NEVER, set())

    def test_a_function_lists_neither_another_nor_the_command_line(self):
        for document in self.functions.values():
            crates = {it["name"] for it in document["components"]}
            self.assertIn("lambda_runtime", crates)
            self.assertEqual(crates & {*FUNCTIONS, "clap", "mds-cli", "local-stack"}, set())

    def test_the_image_leaves_the_sandbox_out(self):
        image = sbom.bill("mds-cli", MUSL, default_features=False)
        self.assertIn("local-stack", {it["name"] for it in self.mds["components"]})
        self.assertNotIn("local-stack", {it["name"] for it in image["components"]})

    def test_each_crate_has_its_licence_and_the_checksum_of_the_lock_file(self):
        lock = (ROOT / "Cargo.lock").read_text()
        for it in self.mds["components"]:
            self.assertTrue(it["licenses"][0]["expression"], it["name"])
            if it["bom-ref"].startswith("workspace:"):
                self.assertNotIn("purl", it)
                continue
            self.assertEqual(it["purl"], it["bom-ref"])
            block = f'name = "{it["name"]}"\nversion = "{it["version"]}"\n'
            self.assertIn(f'checksum = "{it["hashes"][0]["content"]}"', lock.split(block)[1].split("[[package]]")[0])

    def test_every_dependency_is_listed_itself(self):
        for document in (self.mds, *self.functions.values()):
            known = {it["bom-ref"] for it in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
            self.assertEqual({it["ref"] for it in document["dependencies"]}, known)
            self.assertLessEqual({below for it in document["dependencies"] for below in it["dependsOn"]}, known)

    def test_the_official_schema_accepts_it(self):
        validator = JsonStrictValidator(SchemaVersion.V1_6)
        self.assertIsNone(validator.validate_str(json.dumps(self.mds)))
        broken = {**self.mds, "components": [{"type": "crate", "name": "serde"}]}
        self.assertIsNotNone(validator.validate_str(json.dumps(broken)))

    def test_it_is_the_same_each_time_and_names_no_folder_of_this_machine(self):
        again = json.dumps(sbom.bill("mds-cli", MUSL, name="mds"))
        self.assertEqual(json.dumps(self.mds), again)
        self.assertNotIn(str(ROOT), again)


class Programs(unittest.TestCase):
    def test_a_crate_that_the_program_names_and_the_list_lacks_is_found(self):
        program = (
            b"\0/cargo/registry/src/index.crates.io-1949cf8c6b5b557f/serde-1.0.228/src/lib.rs\0"
            b"home/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aws-sdk-s3-1.2.3/src/lib.rs\0"
            b"/cargo/registry/src/index.crates.io-1949cf8c6b5b557f/zstd-sys-2.0.16+zstd.1.5.7/zstd/lib/x.c\0"
        )
        document = {"components": [{"name": "serde", "version": "1.0.228"}, {"name": "zstd-sys", "version": "2.0.16+zstd.1.5.7"}]}
        self.assertEqual(sbom.missing(document, program), ["aws-sdk-s3 1.2.3"])

    def test_a_tree_is_read_with_what_cargo_leaves_out(self):
        listing = "0a v1.0.0 (/x)\n1b v1.0.0\n2c v1.0.0\n1d v1.0.0\n2b v1.0.0 (*)\n\n0e v1.0.0 (/y)\n1d v1.0.0 (*)\n"
        found = sbom.edges(listing)
        self.assertEqual({name for name, _ in sbom.reachable(found, ("e", "1.0.0"))}, {"e", "d", "b", "c"})


if __name__ == "__main__":
    unittest.main()
