"""statelint over the state machine, which knows all but two of the fields that AWS has added to the language."""

import pathlib
import re
import subprocess
import sys

# What it says of them: AWS documents both, and the distributed Map needs the second.
ADDED_BY_AWS = {
    'Field "Label" not allowed in State Machine.Blocks',
    'Field "InputType" not allowed in State Machine.Blocks.ItemReader.ReaderConfig',
}


def main() -> int:
    definition = pathlib.Path(sys.argv[1])
    statelint = pathlib.Path(sys.executable).with_name("statelint")
    checked = subprocess.run([statelint, definition], capture_output=True, text=True, check=False)
    said = [line.strip() for line in (checked.stdout + checked.stderr).splitlines() if line.strip()]
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
