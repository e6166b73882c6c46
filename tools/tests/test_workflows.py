"""Tests of the hosted CI: what it uses is fixed, and what it calls exists."""

import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "infra/ci/deploy.yml"]
WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in FILES}
RELEASE = WORKFLOWS["release.yml"]


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def targets(workflow):
    scripts = "\n".join(step.get("run", "") for step in steps(workflow))
    return set(re.findall(r"\bmake (?:--\S+ )*([a-z-]+)", scripts))


def makes(target):
    command = ["make", "--dry-run", "--old-file", ".venv/installed", "--old-file", ".venv-e2e/installed", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


class Workflows(unittest.TestCase):
    def test_every_action_is_fixed_to_a_commit_and_names_its_version(self):
        for path in FILES:
            used = re.findall(r"uses: (.+)", path.read_text())
            self.assertTrue(used, path.name)
            for action in used:
                self.assertRegex(action, r"^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", path.name)

    def test_every_target_of_make_exists(self):
        for name, workflow in WORKFLOWS.items():
            for target in targets(workflow):
                self.assertEqual(makes(target).returncode, 0, f"{name}: make {target}")

    def test_a_job_has_no_more_rights_than_it_needs(self):
        for name, workflow in WORKFLOWS.items():
            expected = {"contents": "read"} | ({"id-token": "write"} if name == "deploy.yml" else {})
            self.assertEqual(workflow["permissions"], expected, name)
        widened = {(name, job): it["permissions"] for name, workflow in WORKFLOWS.items()
                   for job, it in workflow["jobs"].items() if "permissions" in it}
        self.assertEqual(set(widened), {("release.yml", "image"), ("release.yml", "release")})

    def test_licences_and_advisories_are_checked(self):
        self.assertIn("deny", targets(WORKFLOWS["ci.yml"]))
        self.assertEqual(targets(WORKFLOWS["advisories.yml"]), {"advisories"})
        # PyYAML takes the key `on` for a truth value.
        self.assertIn("schedule", WORKFLOWS["advisories.yml"][True])


class Release(unittest.TestCase):
    def uploaded(self, job):
        uploads = [step["with"]["path"] for step in RELEASE["jobs"][job]["steps"] if "upload-artifact" in step.get("uses", "")]
        return " ".join(uploads).split()

    def test_a_bill_of_materials_lies_beside_everything(self):
        for job in ("command-line", "image", "functions"):
            self.assertIn("dist/*.cdx.json", self.uploaded(job))
        self.assertIn("dist/*.tar.gz", self.uploaded("command-line"))
        self.assertIn("dist/*.zip", self.uploaded("functions"))

    def test_both_architectures_are_built(self):
        for job in ("command-line", "functions"):
            built = {it["arch"] for it in RELEASE["jobs"][job]["strategy"]["matrix"]["include"]}
            self.assertEqual(built, {"x86_64", "arm64"}, job)

    def test_nothing_is_built_for_a_tag_that_is_not_the_version(self):
        for job in ("command-line", "image", "functions"):
            self.assertEqual(RELEASE["jobs"][job]["needs"], "version")
        version = subprocess.run(["make", "--silent", "version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        self.assertIn(f'\nversion = "{version.strip()}"\n', (ROOT / "Cargo.toml").read_text())


if __name__ == "__main__":
    unittest.main()
