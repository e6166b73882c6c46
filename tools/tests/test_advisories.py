"""Tests of the check against advisories, with a database of one made-up advisory."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADVISORY = """```toml
[advisory]
id = "RUSTSEC-2020-9999"
package = "{package}"
date = "2020-03-01"

[versions]
patched = ["{patched}"]
```

# Made up
"""


class Advisories(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.database = pathlib.Path(folder.name)

    def commit(self, patched, package="tokio"):
        advisory = self.database / f"crates/{package}/RUSTSEC-2020-9999.md"
        advisory.parent.mkdir(parents=True)
        advisory.write_text(ADVISORY.format(package=package, patched=patched))
        author = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        for command in (["init", "--quiet", "--initial-branch=main"], ["add", "."], [*author, "commit", "--quiet", "-m", "One"]):
            subprocess.run(["git", "-C", self.database, *command], check=True)

    def check(self, database):
        command = [sys.executable, ROOT / "tools/advisories.py", "--database", database]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def test_a_version_with_an_advisory_is_refused_by_its_number(self):
        self.commit(">= 99.0.0")
        ended = self.check(self.database)
        self.assertEqual(ended.returncode, 1, ended.stdout)
        self.assertIn("RUSTSEC-2020-9999", ended.stdout)

    def test_a_crate_of_this_workspace_is_not_taken_for_another_of_its_name(self):
        # The registry has a crate `telemetry` too.
        self.commit(">= 99.0.0", "telemetry")
        ended = self.check(self.database)
        self.assertEqual(ended.returncode, 0, ended.stdout)

    def test_the_date_of_the_database_is_printed(self):
        self.commit(">= 1.0.0")
        ended = self.check(self.database)
        self.assertEqual(ended.returncode, 0, ended.stdout)
        self.assertRegex(ended.stdout, r"The newest advisory is of \d{4}-\d\d-\d\d \d\d:\d\d, commit [0-9a-f]{7,}\.")

    def test_without_a_database_nothing_counts_as_checked(self):
        ended = self.check(self.database / "none")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("There is no database of advisories, so nothing was checked.", ended.stdout)


if __name__ == "__main__":
    unittest.main()
