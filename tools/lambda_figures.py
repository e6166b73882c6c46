"""Prints the size of each function's zip, and the time from the start of its process to its first request for an event.

Usage: lambda_figures.py FOLDER MDS, with the folder of the functions' builds and the binary of `mds`, whose sandbox has
the Runtime API that the functions request events from."""

import io
import pathlib
import statistics
import subprocess
import sys
import zipfile

FUNCTIONS = ["plan-blocks", "extract", "sync-db", "sync-socrata"]
RUNS = 20
MAX_MB = 5.0
MAX_MS = 25.0


def starts_ms(mds: str, binary: pathlib.Path) -> list[float]:
    command = [mds, "--no-logs", "sandbox", "function-starts", "--count", str(RUNS), str(binary)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(line) for line in text.splitlines()]


def zip_mb(binary: pathlib.Path) -> float:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
    return len(packed.getvalue()) / 1e6


def main() -> int:
    folder, mds = pathlib.Path(sys.argv[1]), sys.argv[2]
    over = False
    print(f"{'function':<14}{'zip MB':>8}{'start ms (median)':>19}{'(max)':>8}")
    for name in FUNCTIONS:
        binary = folder / name / "bootstrap"
        size = zip_mb(binary)
        starts = starts_ms(mds, binary)
        median = statistics.median(starts)
        over |= size > MAX_MB or median > MAX_MS
        print(f"{name:<14}{size:>8.2f}{median:>19.1f}{max(starts):>8.1f}")
    print(f"at most {MAX_MB:g} MB and a median of {MAX_MS:g} ms over {RUNS} starts: {'no' if over else 'yes'}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
