"""Tests of what a release is packed into, and of the comparison of two builds."""

import contextlib
import io
import os
import pathlib
import shutil
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import release  # noqa: E402
import reproducible  # noqa: E402

MARCH = 1_583_042_400


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def packed(self, name, program, seconds=MARCH):
        place = self.folder / name
        place.mkdir(exist_ok=True)
        binary = place / "bootstrap"
        binary.write_bytes(program)
        release.write_zip(place / "extract-x86_64.zip", binary, seconds)
        binary.unlink()
        return place / "extract-x86_64.zip"

    def compared(self, one, other, folders=()):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            wrong = reproducible.compare(one.parent, other.parent, list(folders))
        return wrong, said.getvalue()

    def test_a_zip_depends_on_the_program_and_the_commit_alone(self):
        one = self.packed("one", b"program")
        os.umask(os.umask(0o077))
        self.assertEqual(one.read_bytes(), self.packed("other", b"program").read_bytes())
        self.assertNotEqual(one.read_bytes(), self.packed("other", b"program", MARCH + 3600).read_bytes())

    def test_lambda_may_start_what_is_in_a_zip(self):
        with zipfile.ZipFile(self.packed("one", b"program")) as packed:
            entry, = packed.infolist()
        self.assertEqual((entry.filename, entry.external_attr >> 16 & 0o777), ("bootstrap", 0o755))
        self.assertEqual(entry.date_time, (2020, 3, 1, 6, 0, 0))

    def test_a_commit_from_before_zips_knew_its_time_can_be_packed(self):
        with zipfile.ZipFile(self.packed("one", b"program", 0)) as packed:
            self.assertEqual(packed.infolist()[0].date_time, (1980, 1, 1, 0, 0, 0))

    def test_what_differs_between_two_programs_is_named(self):
        program = pathlib.Path(shutil.which("true")).read_bytes()
        word = b"/lib64/ld-linux-x86-64.so.2" if b"/lib64/ld-linux-x86-64.so.2" in program else b"GLIBC"
        changed = program.replace(word, word.upper() if word.upper() != word else word.lower(), 1)
        one, other = self.packed("one", program), self.packed("other", changed)
        wrong, said = self.compared(one, other)
        self.assertEqual(wrong, 1)
        self.assertIn("DIFFERENT", said)
        self.assertIn("sections that differ: .", said)
        self.assertIn("only in the other: ", said)

    def test_equal_programs_that_name_a_folder_of_the_machine_are_not_accepted(self):
        one, other = self.packed("one", b"at /home/somebody/x.rs"), self.packed("other", b"at /home/somebody/x.rs")
        self.assertEqual(self.compared(one, other)[0], 0)
        wrong, said = self.compared(one, other, [pathlib.Path("/home/somebody")])
        self.assertEqual(wrong, 1)
        self.assertIn("it names a folder of this machine: /home/somebody", said)

    def test_the_folders_of_sources_cargo_and_what_is_built_are_replaced(self):
        flags = release.remapped()
        home = os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo")
        self.assertIn(f"--remap-path-prefix={home}=/cargo", flags)
        self.assertIn(f"--remap-path-prefix={pathlib.Path.cwd()}=/source", flags)
        # rustc takes the last that fits.
        self.assertTrue(flags[-1].endswith("=/source/target"))


if __name__ == "__main__":
    unittest.main()
