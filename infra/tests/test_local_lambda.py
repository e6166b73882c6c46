"""Tests that `infra/local/functions.py` ends invocations as Lambda does, and lets a frozen process go on."""

import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/local"))
import aws  # noqa: E402
from environments import Environment, Fate  # noqa: E402
from functions import Functions, function_of  # noqa: E402

# Does what the event says, and responds with its process id and the seconds that it was given.
FUNCTION = f"""#!{sys.executable}
import json, os, sys, time, urllib.request
api = os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as response:
        event = json.load(response)
        invocation = response.headers["Lambda-Runtime-Aws-Request-Id"]
        left = int(response.headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
    if "note" in event:
        open(event["note"], "a").write("began\\n")
    time.sleep(event.get("sleep", 0))
    if "note" in event:
        open(event["note"], "a").write("ended\\n")
    if "exit" in event:
        sys.exit(event["exit"])
    path = "/error" if "errorType" in event else "/response"
    body = event if "errorType" in event else {{"pid": os.getpid(), "left": left}}
    try:
        urllib.request.urlopen(api + invocation + path, json.dumps(body).encode())
    except urllib.error.HTTPError:
        pass
"""
TIMEOUT_SECONDS = 1


class LocalLambda(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        binary = self.folder / "step"
        binary.write_text(FUNCTION)
        binary.chmod(0o755)
        self.functions = Functions({"step": 2}, {"step": TIMEOUT_SECONDS}, self.folder)
        self.functions.use(self.folder, dict(os.environ))
        self.addCleanup(self.functions.close)

    def invoke(self, **event: object) -> dict:
        return json.loads(self.functions.invoke("step", json.dumps(event).encode()).body)

    def together(self, *calls) -> None:
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_an_environment_stays_warm_and_is_told_its_deadline(self):
        first, second = self.invoke(), self.invoke()
        self.assertEqual(first["pid"], second["pid"])
        self.assertAlmostEqual(first["left"], TIMEOUT_SECONDS, delta=0.5)

    def test_an_idle_environment_is_frozen(self):
        stat = pathlib.Path(f"/proc/{self.invoke()['pid']}/stat")
        time.sleep(0.2)
        self.assertEqual(stat.read_text().rsplit(")")[1].split()[0], "T")
        self.assertIn("pid", self.invoke())

    def test_no_more_environments_work_at_once_than_the_function_has(self):
        pids = []
        self.together(*[lambda: pids.append(self.invoke(sleep=0.3)["pid"])] * 4)
        self.assertEqual((len(pids), len(set(pids))), (4, 2))

    def test_the_error_of_a_function_is_its_response(self):
        response = self.functions.invoke("step", b'{"errorType": "BlockBusy", "errorMessage": "another"}')
        self.assertTrue(response.is_error)
        self.assertEqual(json.loads(response.body)["errorType"], "BlockBusy")

    def test_a_process_that_ends_is_an_exit_error_and_the_next_event_gets_a_fresh_one(self):
        before = self.invoke()["pid"]
        exited = self.invoke(exit=3)
        self.assertEqual(exited["errorType"], "Runtime.ExitError")
        self.assertRegex(exited["errorMessage"], "^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$")
        self.assertIn("Runtime exited without providing a reason", self.invoke(exit=0)["errorMessage"])
        self.assertNotEqual(self.invoke()["pid"], before)

    def test_a_process_that_cannot_start_is_an_exit_error(self):
        (self.folder / "step").write_text("#!/bin/sh\nexit 101\n")
        self.assertIn("exit status 101", self.invoke()["errorMessage"])

    def test_a_killed_process_is_an_exit_error(self):
        self.functions.fates.append(Fate("step", 1, after_ms=100, kill=True))
        killed = self.invoke(sleep=0.9)
        self.assertEqual(killed["errorType"], "Runtime.ExitError")
        self.assertTrue(killed["errorMessage"].endswith("Runtime exited with error: signal: killed"), killed)
        self.assertEqual(self.functions.figures.killed, 1)

    def test_the_timeout_kills_the_process(self):
        note = self.folder / "note"
        timed_out = self.invoke(sleep=TIMEOUT_SECONDS + 0.3, note=str(note))
        self.assertEqual(timed_out["errorType"], "Sandbox.Timedout")
        self.assertRegex(timed_out["errorMessage"], "^RequestId: [0-9a-f-]{36} Error: Task timed out after 1.00 seconds$")
        self.invoke()
        time.sleep(0.5)
        self.assertEqual(note.read_text(), "began\n")
        self.assertEqual(self.functions.figures.environments, 2)

    def test_a_function_is_told_of_the_timeout_of_one_invocation_and_not_that_it_is_cut_off(self):
        self.functions.fates.append(Fate("step", 1, timeout_ms=700))
        self.functions.fates.append(Fate("step", 2, after_ms=300, cut=True))
        self.assertAlmostEqual(self.invoke()["left"], 0.7, delta=0.3)
        self.assertEqual(self.invoke(sleep=0.9)["errorType"], "Sandbox.Timedout")

    def test_a_frozen_process_goes_on_in_time(self):
        self.functions.fates.append(Fate("step", 1, after_ms=100, freeze_ms=600))
        began = time.monotonic()
        self.assertIn("pid", self.invoke(sleep=0.2))
        self.assertGreater(time.monotonic() - began, 0.6)

    def test_a_process_that_is_frozen_at_its_timeout_goes_on_beside_its_successor_and_is_not_heard(self):
        note = self.folder / "note"
        self.functions.fates.append(Fate("step", 1, after_ms=100, freeze_ms=TIMEOUT_SECONDS * 1000 + 500))
        self.assertEqual(self.invoke(sleep=0.5, note=str(note))["errorType"], "Sandbox.Timedout")
        self.assertIn("pid", self.invoke())
        self.assertEqual(note.read_text(), "began\n")
        time.sleep(1)
        self.assertEqual(note.read_text(), "began\nended\n")
        figures = self.functions.figures
        self.assertEqual((figures.frozen, figures.timed_out, figures.ghosts, figures.late), (1, 1, 1, 1))

    def test_what_works_now_can_be_killed_or_frozen(self):
        answers = []
        strikes = []

        def strike() -> None:
            time.sleep(0.3)
            strikes.append(self.functions.strike("step", Environment.kill))

        self.invoke()
        self.together(lambda: answers.append(self.invoke(sleep=0.9)), strike)
        self.assertEqual(strikes, [1])
        self.assertEqual(answers[0]["errorType"], "Runtime.ExitError")

    def test_new_binaries_wait_for_the_invocations_in_progress(self):
        answers = []
        self.together(
            lambda: answers.append(self.invoke(sleep=0.4)),
            lambda: (time.sleep(0.2), self.functions.use(self.folder, dict(os.environ))),
        )
        self.assertNotEqual(self.invoke()["pid"], answers[0]["pid"])
        self.assertRaises(ProcessLookupError, os.kill, answers[0]["pid"], 0)

    def test_a_frozen_process_ends_with_the_others(self):
        before = self.invoke()["pid"]
        self.functions.fates.append(Fate("step", 2, after_ms=50, freeze_ms=60_000))
        self.assertEqual(self.invoke(sleep=0.1)["errorType"], "Sandbox.Timedout")
        self.functions.stop()
        self.assertRaises(ProcessLookupError, os.kill, before, 0)

    def test_the_endpoint_invokes_as_lambdas_does(self):
        url = f"{self.functions.url}/2015-03-31/functions/step/invocations"
        with urllib.request.urlopen(url, b'{"exit": 1}') as response:
            self.assertEqual(response.headers["X-Amz-Function-Error"], "Unhandled")
            self.assertEqual(json.load(response)["errorType"], "Runtime.ExitError")

    def test_a_function_has_its_name_its_arn_or_its_version(self):
        for name in ["step", "step:7", "arn:aws:lambda:us-east-1:1:function:step", "arn:aws:lambda:us-east-1:1:function:step:7"]:
            self.assertEqual(function_of(name), "step")

    def test_commands_are_answered_with_json_and_mistakes_with_an_error(self):
        stack = aws.Stack.__new__(aws.Stack)
        stack.functions = self.functions
        self.assertEqual(stack.obey('fate {"function": "step", "invocation": 2, "kill": true}\n'), {"fates": 1})
        self.invoke()
        figures = json.loads(json.dumps(stack.obey("figures")))
        self.assertEqual((figures["invocations"], figures["frozen_now"]), ({"step": 1}, 0))
        self.assertEqual(stack.obey("kill step"), {"killed": 0})
        for mistake in ["start", "fate {}", "fate step", "freeze step", "kill"]:
            self.assertIn("error", stack.obey(mistake), mistake)

    def test_the_timeouts_are_those_of_the_template(self):
        self.assertEqual(aws.timeouts_of_template(), dict.fromkeys(aws.ENVIRONMENTS, 900))


if __name__ == "__main__":
    unittest.main()
