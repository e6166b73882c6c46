"""One process of a function of `functions.py`, and what may happen to it."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from typing import Protocol

MEMORY_MB = "1024"
# How long a new process may take until it asks for its first event. The timeout counts from then.
START_SECONDS = 60
# How long a ghost goes on once it is no longer frozen.
GHOST_SECONDS = 5
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


class Service(Protocol):
    """What a process of a function has to do with."""

    url: str
    binaries: pathlib.Path
    env: dict[str, str]
    logs: pathlib.Path

    def fates_of(self, function: str, invocation: int) -> list[Fate]: ...

    def count(self, **numbers: int) -> None: ...


class Environment:
    """One process of a function."""

    def __init__(self, service: Service, number: int, slot: int, function: str) -> None:
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
        self.is_idle = False
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
        # The process asks for events as soon as it runs.
        with self.changed:
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
            self._thaw()
            is_ghost = self.is_ghost and self.freezes == 0
        if is_ghost:
            time.sleep(GHOST_SECONDS)
            self.child.signal(signal.SIGKILL)

    def next(self) -> tuple[Invocation, float] | None:
        """The next event for the process and the time at which it is cut off. `None` if there will be none."""
        with self.changed:
            self._sleep_until(lambda: self.has_ended or (self.waiting and not self.is_cut_off))
            if self.has_ended:
                return None
            invocation, self.waiting = self.waiting, None
            self.current = invocation
            invocation.deadline = time.time() + self.seconds
            invocation.is_taken.set()
            return invocation, invocation.deadline

    def _sleep_until(self, is_over: Callable[[], object]) -> None:
        """Lambda freezes an environment that has nothing to do."""
        if is_over():
            return
        self.is_idle = True
        self.child.signal(signal.SIGSTOP)
        self.changed.wait_for(is_over)
        self.is_idle = False
        self._thaw()

    def _thaw(self) -> None:
        if self.freezes == 0 and not self.is_idle:
            self.child.signal(signal.SIGCONT)

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
