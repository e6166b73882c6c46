"""Lambda on this machine: functions whose environments are processes, with a Runtime API and an endpoint to invoke them.

An environment is started for the first invocation that finds none idle, and stays warm. An invocation ends when its function
responds, when the process ends, or at the function's timeout, which kills the process; it then has the error that Lambda
would respond with. Each event comes with its deadline.

A `Fate` disturbs one invocation. A frozen process holds all that it has, such as locks and connections. If it is still frozen
at the timeout, it is left as a ghost: it goes on later for a while, beside its successor, and nobody hears its response.
"""

import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator

MEMORY_MB = "1024"
ACCOUNT = "123456789012"
REGION = "us-east-1"
# How long a new process may take until it asks for its first event. The timeout counts from then.
START_SECONDS = 60
# How long a ghost goes on once it is no longer frozen.
GHOST_SECONDS = 5
RUNTIME_PATH = re.compile(r"/environments/(\d+)/(?:2018-06-01/runtime|2020-01-01/extension)/(.+)")
INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
# Tells the process id of its command. Ends it when standard input is closed, which happens however the parent of this shell
# ends, even by kill -9. A frozen command hears of its end when it goes on.
WITH_THE_PARENT = """
exec 3<&0
"$@" </dev/null >&2 3<&- & child=$!
echo $child
(while read -r _; do :; done; kill $child; kill -CONT $child) <&3 >/dev/null 2>&1 & reader=$!
exec >&2
wait $child
status=$?
kill $reader
exit $status
"""


@dataclasses.dataclass(frozen=True)
class Fate:
    """What happens to one invocation of a function, `after_ms` after the function got the event."""

    function: str
    # Its number among the function's invocations, from 1.
    invocation: int
    after_ms: int = 0
    kill: bool = False
    # How long the process is frozen.
    freeze_ms: int | None = None
    # Another timeout for this invocation. The function is told of it.
    timeout_ms: int | None = None
    # The invocation is cut off as at its timeout, which the function expects later: it got no processor time.
    cut: bool = False


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


@dataclasses.dataclass
class Response:
    body: bytes
    is_error: bool = False

    @classmethod
    def error(cls, kind: str, invocation: str, message: str) -> "Response":
        body = {"errorType": kind, "errorMessage": f"RequestId: {invocation} Error: {message}"}
        return cls(json.dumps(body).encode(), is_error=True)


class Invocation:
    def __init__(self, event: bytes, number: int) -> None:
        self.id = str(uuid.uuid4())
        self.event = event
        self.number = number
        self.deadline = 0.0
        self.is_taken = threading.Event()
        self.has_ended = threading.Event()
        self.response: Response | None = None

    def end(self, response: Response) -> None:
        """The first response counts."""
        if self.response is None:
            self.response = response
        self.has_ended.set()


class Child:
    """A process that ends with this one."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: pathlib.Path) -> None:
        # A process that is started again goes on in the log of its predecessor.
        with log.open("ab") as file:
            self.shell = subprocess.Popen(
                ["/bin/sh", "-c", WITH_THE_PARENT, name, *command],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        with self.shell.stdout as told:
            self.pid = int(told.readline() or 0)
        self.lock = threading.Lock()
        self.status: int | None = None

    def wait(self) -> str:
        """How the process ended, in the words of Lambda."""
        status = self.shell.wait()
        with self.lock:
            self.status = status
        self.stop()
        if status > 128:
            return f"with error: signal: {signal.strsignal(status - 128).lower()}"
        return f"with error: exit status {status}" if status else "without providing a reason"

    def signal(self, number: signal.Signals) -> None:
        with self.lock:
            # The shell waits for the process, so its number belongs to nobody else until the shell has ended.
            if self.status is None and self.shell.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.shell.stdin.close()


class Environment:
    """One process of a function."""

    def __init__(self, service: "Functions", number: int, slot: int, function: str) -> None:
        self.service = service
        self.number = number
        self.slot = slot
        self.function = function
        self.changed = threading.Condition()
        self.waiting: Invocation | None = None
        self.current: Invocation | None = None
        self.has_ended = False
        self.is_ghost = False
        self.is_cut_off = False
        # How many freezes are in effect.
        self.freezes = 0

    def start(self) -> None:
        service = self.service
        runtime = {
            "AWS_LAMBDA_RUNTIME_API": f"{service.url}/environments/{self.number}",
            "AWS_LAMBDA_FUNCTION_NAME": self.function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY_MB,
        }
        name = f"{self.function}-{self.slot}"
        command = [str(service.binaries / self.function)]
        self.child = Child(name, command, {**service.env, **runtime}, service.logs / f"{name}.log")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        how = self.child.wait()
        with self.changed:
            self.has_ended, self.how = True, how
            self._end_with_the_process()
            self.changed.notify_all()

    def _end_with_the_process(self) -> None:
        if invocation := self.current or self.waiting:
            invocation.end(Response.error("Runtime.ExitError", invocation.id, f"Runtime exited {self.how}"))
            invocation.is_taken.set()

    def run(self, invocation: Invocation, seconds: float) -> Response:
        """Gives the process an event, and waits for its response, its end or its timeout."""
        fates = self.service.fates_of(self.function, invocation.number)
        seconds = next((fate.timeout_ms / 1000 for fate in fates if fate.timeout_ms is not None), seconds)
        with self.changed:
            self.waiting = invocation
            self.seconds = seconds
            if self.has_ended:
                self._end_with_the_process()
            self.changed.notify_all()
        invocation.is_taken.wait(START_SECONDS)
        for fate in fates:
            timer = threading.Timer(fate.after_ms / 1000, self._meet, (fate, invocation, seconds))
            timer.daemon = True
            timer.start()
        if not invocation.has_ended.wait(seconds):
            self._time_out(invocation, seconds)
        with self.changed:
            self.current = self.waiting = None
        return invocation.response

    def _time_out(self, invocation: Invocation, seconds: float) -> None:
        with self.changed:
            if invocation.response is not None:
                return
            invocation.end(Response.error("Sandbox.Timedout", invocation.id, f"Task timed out after {seconds:.2f} seconds"))
            self.is_cut_off = True
            self.is_ghost = self.freezes > 0
        self.service.count(timed_out=1, ghosts=int(self.is_ghost))
        if not self.is_ghost:
            self.child.signal(signal.SIGKILL)

    def _meet(self, fate: Fate, invocation: Invocation, seconds: float) -> None:
        if invocation.has_ended.is_set():
            return
        if fate.freeze_ms is not None:
            self.freeze(fate.freeze_ms / 1000)
        elif fate.kill:
            self.kill()
        elif fate.cut:
            self._time_out(invocation, seconds)

    def kill(self) -> None:
        self.service.count(killed=1)
        self.child.signal(signal.SIGKILL)

    def freeze(self, seconds: float) -> None:
        with self.changed:
            self.freezes += 1
            self.child.signal(signal.SIGSTOP)
        self.service.count(frozen=1)
        timer = threading.Timer(seconds, self._go_on)
        timer.daemon = True
        timer.start()

    def _go_on(self) -> None:
        with self.changed:
            self.freezes -= 1
            if self.freezes > 0:
                return
            self.child.signal(signal.SIGCONT)
            is_ghost = self.is_ghost
        if is_ghost:
            time.sleep(GHOST_SECONDS)
            self.child.signal(signal.SIGKILL)

    def next(self) -> tuple[Invocation, float] | None:
        """The next event for the process and the time at which it is cut off. `None` if there will be none."""
        with self.changed:
            self.changed.wait_for(lambda: self.has_ended or (self.waiting and not self.is_cut_off))
            if self.has_ended:
                return None
            invocation, self.waiting = self.waiting, None
            self.current = invocation
            invocation.deadline = time.time() + self.seconds
            invocation.is_taken.set()
            return invocation, invocation.deadline

    def respond(self, invocation: str, response: Response) -> bool:
        """Whether somebody waits for this response."""
        with self.changed:
            if self.current and self.current.id == invocation and self.current.response is None:
                self.current.end(response)
                return True
        self.service.count(late=1)
        return False

    @property
    def can_work(self) -> bool:
        return not self.has_ended and not self.is_cut_off

    def stop(self) -> None:
        self.child.stop()


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
        # The process asks for events as soon as it runs.
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
