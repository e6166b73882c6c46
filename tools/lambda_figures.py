"""Prints the size of each function's zip, and the time from process start to the first request for an event."""

import http.server
import io
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import zipfile

FUNCTIONS = ["plan-blocks", "extract", "sync-db", "sync-socrata"]
RUNS = 20
MAX_MB = 5.0
MAX_MS = 25.0
# The Extensions API's response to a registration, for which the runtime waits before it requests an event.
REGISTERED = b'{"functionName": "figures", "functionVersion": "$LATEST", "handler": "bootstrap"}'


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Records when an event is requested, and never sends one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested = threading.Event()
        self.requested_at = 0.0


class Handler(http.server.BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/invocation/next"):
            self.server.requested_at = time.perf_counter()
            self.server.requested.set()
        threading.Event().wait(60)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Lambda-Extension-Identifier", "figures")
        self.send_header("Content-Length", str(len(REGISTERED)))
        self.end_headers()
        self.wfile.write(REGISTERED)

    def log_message(self, *_: object) -> None:
        pass


def start_ms(binary: pathlib.Path) -> float:
    api = RuntimeApi()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    env = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": "figures",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "PATH": os.environ["PATH"],
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [binary], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    is_requested = api.requested.wait(10)
    process.kill()
    process.wait()
    api.shutdown()
    api.server_close()
    if not is_requested:
        raise SystemExit(f"{binary} did not request an event")
    return (api.requested_at - started) * 1000


def zip_mb(binary: pathlib.Path) -> float:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
    return len(packed.getvalue()) / 1e6


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    over = False
    print(f"{'function':<14}{'zip MB':>8}{'start ms (median)':>19}{'(max)':>8}")
    for name in FUNCTIONS:
        binary = folder / name / "bootstrap"
        size = zip_mb(binary)
        starts = [start_ms(binary) for _ in range(RUNS)]
        median = statistics.median(starts)
        over |= size > MAX_MB or median > MAX_MS
        print(f"{name:<14}{size:>8.2f}{median:>19.1f}{max(starts):>8.1f}")
    print(f"at most {MAX_MB:g} MB and a median of {MAX_MS:g} ms over {RUNS} starts: {'no' if over else 'yes'}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
