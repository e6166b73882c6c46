"""Checks, before a deployment, that the built functions and a stage of samconfig.toml fit the template and AWS.

A function that was built for another architecture than its stack's would fail at its first invocation, a name that is too
long in the middle of the deployment, and SAM leaves out a parameter that the template does not have without a word.

    check_lambda.py staging                   checks, and says what is wrong
    check_lambda.py --architecture staging    prints the architecture of the stage
"""

import argparse
import pathlib
import shlex
import struct
import sys

import tomlkit
from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
FUNCTIONS = ("plan-blocks", "extract", "sync-db", "sync-socrata")
# The field e_machine of an ELF header.
MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
DEFAULT_ARCHITECTURE = "x86_64"
LONGEST_STATE_MACHINE_NAME = 80


class Wrong(Exception):
    """What a person has to correct."""


def stage_parameters(config: pathlib.Path, stage: str) -> tuple[str, dict[str, str]]:
    """The stack's name and the template's parameters of a stage."""
    stages = tomlkit.parse(config.read_text()).unwrap()
    deploy = stages.get(stage, {}).get("deploy", {}).get("parameters")
    if deploy is None:
        known = [name for name, commands in stages.items() if isinstance(commands, dict) and "deploy" in commands]
        raise Wrong(f"{config.name} has no stage {stage}; it has {', '.join(known)}")
    overrides = deploy.get("parameter_overrides", [])
    # SAM takes a list or one text, with quotes around values that contain spaces.
    words = overrides if isinstance(overrides, list) else shlex.split(overrides)
    return deploy["stack_name"], dict(word.split("=", 1) for word in words)


def unknown_parameters(template: pathlib.Path, parameters: dict[str, str]) -> list[str]:
    declared = yaml_parse(template.read_text())["Parameters"]
    return [f"the template has no parameter {name}" for name in parameters if name not in declared]


def architecture_of(path: pathlib.Path) -> str:
    """The architecture that an ELF file was built for."""
    with path.open("rb") as file:
        header = file.read(20)
    if len(header) < 20 or header[:4] != b"\x7fELF":
        raise Wrong(f"{path} is not a program for Linux; build it with `make lambda`")
    machine = struct.unpack("<H", header[18:20])[0]
    return MACHINES.get(machine, f"machine {machine:#x}")


def problems(config: pathlib.Path, stage: str, built: pathlib.Path) -> list[str]:
    stack, parameters = stage_parameters(config, stage)
    found = unknown_parameters(ROOT / "infra/template.yaml", parameters)
    name = parameters.get("StateMachineName") or stack
    if len(name) > LONGEST_STATE_MACHINE_NAME:
        found.append(
            f"the state machine would have the name of the stack, {len(name)} characters, and AWS takes "
            f"{LONGEST_STATE_MACHINE_NAME}; set the parameter StateMachineName"
        )
    wanted = parameters.get("Architecture", DEFAULT_ARCHITECTURE)
    for function in FUNCTIONS:
        path = built / function / "bootstrap"
        if not path.exists():
            found.append(f"{path} does not exist; run `make lambda LAMBDA_ARCH={wanted}`")
            continue
        try:
            architecture = architecture_of(path)
        except Wrong as wrong:
            found.append(str(wrong))
            continue
        if architecture != wanted:
            found.append(
                f"{function} was built for {architecture}, and {stage} has Architecture={wanted}; "
                f"run `make lambda LAMBDA_ARCH={wanted}` or correct {config.name}"
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", help="a section of samconfig.toml")
    parser.add_argument("--architecture", action="store_true", help="print the stage's architecture and check nothing")
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "samconfig.toml")
    parser.add_argument("--built", type=pathlib.Path, default=ROOT / "target/lambda")
    args = parser.parse_args()
    try:
        if args.architecture:
            print(stage_parameters(args.config, args.stage)[1].get("Architecture", DEFAULT_ARCHITECTURE))
            return 0
        found = problems(args.config, args.stage, args.built)
    except Wrong as wrong:
        found = [str(wrong)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
