"""Tests of samconfig.toml, and of what is checked before a deployment."""

import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import tomlkit
from cloudformation import ROOT, Stack

CONFIG = ROOT / "samconfig.toml"
STAGES = tomlkit.parse(CONFIG.read_text()).unwrap()
X86_64, ARM64 = 0x3E, 0xB7
FUNCTIONS = ("plan-blocks", "extract", "sync-db", "sync-socrata")


def overrides(stage):
    return dict(word.split("=", 1) for word in STAGES[stage]["deploy"]["parameters"]["parameter_overrides"])


def sam(*arguments, folder=ROOT):
    """Runs the SAM command line without an account."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }
    command = [pathlib.Path(sys.executable).with_name("sam"), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


class Stages(unittest.TestCase):
    def test_each_stage_deploys_its_own_stack_with_its_own_mode(self):
        for stage in ("staging", "production"):
            deploy = STAGES[stage]["deploy"]["parameters"]
            self.assertEqual(deploy["template_file"], "infra/template.yaml")
            self.assertEqual(deploy["stack_name"], f"mds-etl-{stage}")
            self.assertEqual(STAGES[stage]["delete"]["parameters"]["stack_name"], deploy["stack_name"])
            self.assertEqual(overrides(stage)["RunMode"], stage.upper())

    def test_the_parameters_of_each_stage_are_the_templates_and_fit_together(self):
        for stage in ("staging", "production"):
            self.assertEqual(Stack(**overrides(stage)).broken_rules(), [])

    def test_the_printed_command_finds_template_and_stack(self):
        with tempfile.TemporaryDirectory() as home:
            ended = sam("deploy", "--config-env", "staging", folder=home)
        # It gets as far as one can without an account.
        self.assertIn("Unable to locate credentials", ended.stderr)
        self.assertNotIn("Missing option", ended.stderr)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def build(self, machine, functions=FUNCTIONS):
        for function in functions:
            path = self.folder / "built" / function / "bootstrap"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(44))

    def check(self, config=CONFIG, stage="staging", *options):
        tool = ROOT / "tools/check_lambda.py"
        command = [sys.executable, tool, stage, "--config", config, "--built", self.folder / "built", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def config(self, stack="mds-etl", **parameters):
        path = self.folder / "samconfig.toml"
        words = [f"{name}={value}" for name, value in parameters.items()]
        path.write_text(tomlkit.dumps(
            {"staging": {"deploy": {"parameters": {"stack_name": stack, "parameter_overrides": words}}}}
        ))  # fmt: skip
        return path

    def test_functions_of_the_stages_architecture_are_accepted(self):
        self.build(X86_64)
        self.assertEqual(self.check().returncode, 0, self.check().stderr)
        self.build(ARM64)
        self.assertEqual(self.check(self.config(Architecture="arm64")).returncode, 0)

    def test_functions_of_another_architecture_are_refused_with_the_command_that_builds_them(self):
        self.build(X86_64)
        self.build(ARM64, ["sync-db"])
        ended = self.check()
        self.assertEqual(ended.returncode, 2)
        self.assertEqual(
            ended.stderr,
            "sync-db was built for arm64, and staging has Architecture=x86_64; "
            "run `make lambda LAMBDA_ARCH=x86_64` or correct samconfig.toml\n",
        )

    def test_what_is_missing_or_no_program_is_named(self):
        self.build(X86_64, FUNCTIONS[:3])
        self.assertIn("sync-socrata/bootstrap does not exist", self.check().stderr)
        self.build(X86_64)
        (self.folder / "built/extract/bootstrap").write_text("#!/bin/sh\n")
        self.assertIn("extract/bootstrap is not a program for Linux", self.check().stderr)

    def test_a_long_name_of_a_stack_needs_a_name_for_the_state_machine(self):
        self.build(X86_64)
        self.assertIn("set the parameter StateMachineName", self.check(self.config("s" * 81)).stderr)
        self.assertEqual(self.check(self.config("s" * 81, StateMachineName="mds-etl")).returncode, 0)

    def test_a_parameter_that_the_template_does_not_have_is_refused(self):
        self.build(X86_64)
        ended = self.check(self.config(SchedulesSate="ENABLED"))
        self.assertEqual((ended.returncode, ended.stderr), (2, "the template has no parameter SchedulesSate\n"))

    def test_an_unknown_stage_is_refused_with_those_that_there_are(self):
        ended = self.check(CONFIG, "test")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("has no stage test; it has staging, production", ended.stderr)

    def test_make_is_told_the_architecture_to_build_for(self):
        self.assertEqual(self.check(CONFIG, "production", "--architecture").stdout, "x86_64\n")
        self.assertEqual(self.check(self.config(Architecture="arm64"), "staging", "--architecture").stdout, "arm64\n")


if __name__ == "__main__":
    unittest.main()
