"""Lambda on this machine: functions whose environments are processes, with a Runtime API and an endpoint to invoke them.

An environment is started for the first invocation that finds none idle, and stays warm, but frozen while it is idle. An invocation ends when its function
responds, when the process ends, or at the function's timeout, which kills the process; it then has the error that Lambda
would respond with. Each event comes with its deadline.

A `Fate` disturbs one invocation. A frozen process holds all that it has, such as locks and connections. If it is still frozen
at the timeout, it is left as a ghost: it goes on later for a while, beside its successor, and nobody hears its response.
"""

import contextlib
import dataclasses
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
import uuid
from collections.abc import Callable, Iterator

from environments import Environment, Fate, Invocation, Response

ACCOUNT = "123456789012"
REGION = "us-east-1"
RUNTIME_PATH = re.compile(r"/environments/(\d+)/(?:2018-06-01/runtime|2020-01-01/extension)/(.+)")
INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")


@dataclasses.dataclass
class Figures:
    """What has happened so far."""

    invocations: dict[str, int]
    environments: int = 0
    killed: int = 0
    frozen: int = 0
    timed_out: int = 0
    ghosts: int = 0
    # Responses of ghosts, which nobody waits for any more.
    late: int = 0


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class Gate:
    """Lets invocations through, but holds them while the functions are replaced."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.is_open = True
        self.inside = 0

    @contextlib.contextmanager
    def invocation(self) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: self.is_open)
            self.inside += 1
        try:
            yield
        finally:
            with self.changed:
                self.inside -= 1
                self.changed.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Waits for the invocations in progress, and holds all others for as long as the block takes."""
        with self.changed:
            self.is_open = False
            self.changed.wait_for(lambda: self.inside == 0)
        try:
            yield
        finally:
            with self.changed:
                self.is_open = True
                self.changed.notify_all()


class Functions:
    """All functions: how many environments each has at most, and its timeout."""

    def __init__(self, environments: dict[str, int], timeouts: dict[str, float], logs: pathlib.Path) -> None:
        self.limits = environments
        self.timeouts = timeouts
        self.logs = logs
        self.env: dict[str, str] = {}
        self.binaries = pathlib.Path()
        self.gate = Gate()
        self.changed = threading.Condition()
        self.all: dict[int, Environment] = {}
        self.idle: dict[str, list[Environment]] = {name: [] for name in environments}
        self.busy: dict[str, set[int]] = {name: set() for name in environments}
        self.fates: list[Fate] = []
        self.figures = Figures(invocations=dict.fromkeys(environments, 0))
        self.server = Server(("127.0.0.1", 0), handler_for(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def use(self, binaries: pathlib.Path, env: dict[str, str]) -> None:
        """From the next invocation on, the environments are new ones with these binaries and variables."""
        with self.gate.closed():
            self.stop()
            self.binaries, self.env = binaries, env

    def stop(self) -> None:
        with self.changed:
            ending = list(self.all.values())
            self.all.clear()
            for idle in self.idle.values():
                idle.clear()
        for environment in ending:
            environment.stop()
        for environment in ending:
            # A ghost that is frozen ends when the shell lets it go on.
            environment.child.shell.wait()

    def close(self) -> None:
        self.stop()
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, function: str, event: bytes) -> Response:
        with self.gate.invocation(), self._environment(function) as (environment, number):
            return environment.run(Invocation(event, number), self.timeouts[function])

    @contextlib.contextmanager
    def _environment(self, function: str) -> Iterator[tuple[Environment, int]]:
        with self.changed:
            self.changed.wait_for(lambda: len(self.busy[function]) < self.limits[function])
            self.figures.invocations[function] += 1
            number = self.figures.invocations[function]
            idle = self.idle[function] = [one for one in self.idle[function] if one.can_work]
            environment = idle.pop() if idle else self._start(function)
            self.busy[function].add(environment.slot)
        try:
            yield environment, number
        finally:
            with self.changed:
                self.busy[function].remove(environment.slot)
                if environment.can_work:
                    self.idle[function].append(environment)
                self.changed.notify_all()

    def _start(self, function: str) -> Environment:
        taken = self.busy[function] | {environment.slot for environment in self.idle[function]}
        slot = next(slot for slot in range(1, self.limits[function] + 1) if slot not in taken)
        self.figures.environments += 1
        number = self.figures.environments
        environment = Environment(self, number, slot, function)
        # The process finds itself here as soon as it runs.
        self.all[number] = environment
        environment.start()
        return environment

    def fates_of(self, function: str, invocation: int) -> list[Fate]:
        return [fate for fate in self.fates if (fate.function, fate.invocation) == (function, invocation)]

    def strike(self, function: str, hit: Callable[[Environment], None]) -> int:
        """Hits every environment that works on an event of this function. Returns how many there were."""
        if function not in self.limits:
            raise ValueError(f"there is no function {function!r}")
        with self.changed:
            environments = [e for e in self.all.values() if e.function == function and e.current and e.can_work]
        for environment in environments:
            hit(environment)
        return len(environments)

    def number(self, of: Callable[[Environment], bool]) -> int:
        """How many processes are so."""
        with self.changed:
            return sum(of(environment) for environment in self.all.values() if not environment.has_ended)

    def count(self, **numbers: int) -> None:
        with self.changed:
            for name, number in numbers.items():
                setattr(self.figures, name, getattr(self.figures, name) + number)


def handler_for(functions: Functions) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            environment, path = self.environment()
            if environment is None:
                return self.send(404)
            if path == "invocation/next":
                return self.send_next(environment)
            # No extension is told of anything.
            with environment.changed:
                environment.changed.wait_for(lambda: environment.has_ended)
            self.close_connection = True

        def send_next(self, environment: Environment) -> None:
            event = environment.next()
            if event is None:
                self.close_connection = True
                return
            invocation, deadline = event
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{environment.function}"
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": arn,
            }
            self.send(200, invocation.event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if invoked := INVOKE_PATH.fullmatch(self.path.partition("?")[0]):
                return self.invoke(invoked[1], body)
            environment, path = self.environment()
            if environment is None:
                return self.send(404)
            if path == "register":
                registered = {"functionName": environment.function, "functionVersion": "$LATEST", "handler": "bootstrap"}
                return self.send(200, json.dumps(registered).encode(), {"Lambda-Extension-Identifier": str(uuid.uuid4())})
            if path == "init/error":
                return self.send(202)
            _, invocation, kind = path.split("/")
            is_awaited = environment.respond(invocation, Response(body, is_error=kind == "error"))
            self.send(202 if is_awaited else 400)

        def invoke(self, name: str, event: bytes) -> None:
            function = function_of(name)
            if function not in functions.limits:
                return self.send(404, json.dumps({"Type": "User", "Message": f"Function not found: {name}"}).encode())
            response = functions.invoke(function, event)
            headers = {"X-Amz-Function-Error": "Unhandled"} if response.is_error else {}
            self.send(200, response.body, {"X-Amz-Executed-Version": "$LATEST", **headers})

        def environment(self) -> tuple[Environment | None, str]:
            matched = RUNTIME_PATH.fullmatch(self.path)
            if matched is None:
                return None, ""
            return functions.all.get(int(matched[1])), matched[2]

        def send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            # A process that was killed does not read its response.
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The functions have logs of their own."""

    return Handler


def function_of(name: str) -> str:
    """The function's name in an ARN, with or without a version, or the name itself."""
    parts = urllib.parse.unquote(name).split(":")
    return parts[6] if len(parts) > 6 else parts[0]
