"""Runs statelint on the state machine, and accepts what AWS has and statelint does not know."""

import pathlib
import subprocess
import sys

# The first two are documented by AWS, and the ItemReader of a distributed Map requires the second. The percentage is a
# number for AWS; moto's interpreter does not read it without the decimal point.
ADDED_BY_AWS = {
    'Field "Label" not allowed in State Machine.States.Blocks',
    'Field "InputType" not allowed in State Machine.States.Blocks.ItemReader.ReaderConfig',
    "State Machine.States.Blocks.ToleratedFailurePercentage is 100.0 but should be an Integer",
}


def main() -> int:
    statelint = pathlib.Path(sys.executable).with_name("statelint")
    checked = subprocess.run([statelint, sys.argv[1]], capture_output=True, text=True, check=False)
    lines = (checked.stdout + checked.stderr).splitlines()
    # The first line is the number of problems.
    found = {line.strip() for line in lines[1:] if line.strip()}
    for problem in sorted(found - ADDED_BY_AWS):
        print(f"{sys.argv[1]}: {problem}")
    for gone in sorted(ADDED_BY_AWS - found):
        print(f"statelint no longer reports: {gone}. Remove it from the list in {__file__}")
    return int(found != ADDED_BY_AWS)


if __name__ == "__main__":
    sys.exit(main())
