"""Tests that moto's interpreter is as strict as AWS after `infra/local/interpreter.py`, and runs of the whole definition
with functions that are played: what becomes of a Map that fails, of a failed block, and of an execution without a name."""

import io
import json
import logging
import pathlib
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/local"))
import aws  # noqa: E402
import interpreter  # noqa: E402

DEFINITION = aws.substituted(ROOT / "statemachine.asl.json", {"ATD_MDS_BUCKET": "bucket"})
MAX_SECONDS = 60


CONFIG = {"settings": {"etag": "one"}, "providers": {"etag": "two"}}


class World:
    """The functions and the bucket of one test."""

    def __init__(self) -> None:
        self.manifest: bytes | None = b"[]"
        self.max_concurrency: object = 2
        self.answers: dict[str, object] = {}
        self.events: dict[str, list[dict]] = {}

    def invoke(self, FunctionName: str, Payload: bytes, **_: object) -> dict:
        event = json.loads(Payload)
        name = FunctionName.rsplit(":", 1)[-1]
        self.events.setdefault("summarize" if "summarize" in event else name, []).append(event)
        answer = self.answers.get(f"{name} {event.get('label')}", event)
        if "summarize" in event:
            answer = {"summary": True}
        elif name == "plan-blocks":
            manifest = {"bucket": "bucket", "key": "manifest.json"}
            answer = {
                "run_id": "the run", "block_count": 1, "dry_run": False,
                "max_concurrency": self.max_concurrency, "manifest": manifest, "config": CONFIG,
            }  # fmt: skip
        if isinstance(answer, Exception):
            raise answer
        failed = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode()), **failed}

    def get_object(self, **_: object) -> dict:
        if self.manifest is None:
            raise OSError("the bucket is away")
        return {"Body": io.BytesIO(self.manifest)}

    def put_object(self, **_: object) -> None:
        """Takes the Map's results, which nothing reads."""


WORLD = World()
WAITS: list[float] = []
CHILDREN: dict[str, tuple[str | None, str | None]] = {}


def setUpModule() -> None:
    logging.disable()
    interpreter.use_clients({"lambda": lambda: WORLD, "s3": lambda: WORLD})
    interpreter.be_strict()
    interpreter.parse_once()
    interpreter.skip_waits(WAITS.append)
    interpreter.watch_children(lambda item, error, cause: CHILDREN.__setitem__(item["label"], (error, cause)))


class Executions(unittest.TestCase):
    def setUp(self) -> None:
        WORLD.__init__()
        WAITS.clear()
        CHILDREN.clear()

    def run_machine(self, definition: str = DEFINITION, name: str | None = None) -> dict:
        import boto3

        started = aws.start_step_functions(definition, name or self.id().rsplit(".", 1)[-1][:80])
        self.client = boto3.client(
            "stepfunctions", region_name=aws.REGION, endpoint_url=started["endpoint_url"],
            aws_access_key_id="local", aws_secret_access_key="local",
        )  # fmt: skip
        self.machine = started["state_machine_arn"]
        return self.execute()

    def execute(self) -> dict:
        arn = self.client.start_execution(stateMachineArn=self.machine, input="{}")["executionArn"]
        until = time.monotonic() + MAX_SECONDS
        while (ended := self.client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        return ended

    def blocks(self, *items: dict) -> None:
        numbered = [{"label": str(n), **item} for n, item in enumerate(items)]
        WORLD.manifest = json.dumps(numbered).encode()

    def items_failed(self, execution: dict) -> int:
        runs = self.client.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
        run = self.client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
        return run["itemCounts"]["failed"]


class TheDefinition(Executions):
    def test_a_failed_block_fails_its_own_execution_with_its_cause_and_the_run_is_summarized(self):
        self.blocks({"steps": ["extract", "sync-db"]}, {"steps": ["extract", "sync-db"]})
        WORLD.answers["extract 0"] = {"errorType": "ProviderRejected", "errorMessage": "the token is refused"}
        ended = self.run_machine()
        self.assertEqual(ended["status"], "SUCCEEDED")
        self.assertEqual(json.loads(ended["output"]), {"summary": True})
        self.assertEqual(self.items_failed(ended), 1)
        error, cause = CHILDREN["0"]
        self.assertEqual(error, "ProviderRejected")
        self.assertEqual(json.loads(cause)["errorMessage"], "the token is refused")
        self.assertEqual(CHILDREN["1"], (None, None))
        self.assertEqual([event["label"] for event in WORLD.events["sync-db"]], ["1"])

    def test_an_hour_that_is_not_published_yet_is_no_failure(self):
        self.blocks({"steps": ["extract", "sync-db"]})
        WORLD.answers["extract 0"] = {"errorType": "ProviderNotReady", "errorMessage": "not yet"}
        self.assertEqual(self.items_failed(self.run_machine()), 0)
        self.assertEqual(len(WORLD.events["extract"]), 2)
        self.assertNotIn("sync-db", WORLD.events)

    def test_a_manifest_that_cannot_be_read_leads_to_the_summary_of_its_run(self):
        for n, manifest in enumerate([None, b'{"blocks": 1}', b"not JSON"]):
            with self.subTest(manifest=manifest):
                self.setUp()
                WORLD.manifest = manifest
                ended = self.run_machine(name=f"manifest-{n}")
                self.assertEqual(ended["status"], "SUCCEEDED")
                self.assertEqual(WORLD.events["summarize"], [{"summarize": {"run_id": "the run", "config": CONFIG}}])
                self.assertEqual(len(WAITS), 6, "it is read again before")

    def test_an_item_without_known_steps_fails_and_calls_nothing(self):
        odd = [{"steps": []}, {"steps": None}, {}, {"steps": ["sync-all"]}, {"steps": "extract"}]
        self.blocks(*odd, {"steps": ["extract", "sync-all"]})
        ended = self.run_machine()
        self.assertEqual(self.items_failed(ended), 6)
        self.assertEqual({error for error, _ in CHILDREN.values()}, {"InvalidInput"})
        self.assertEqual([event["label"] for event in WORLD.events["extract"]], ["5"])

    def test_waits_lie_between_zero_and_their_bounds(self):
        self.blocks({"steps": ["extract"]})
        WORLD.answers["extract 0"] = {"errorType": "ProviderThrottled", "errorMessage": "429"}
        self.run_machine()
        bounds = [min(60 * 2**n, 900) for n in range(16)]
        self.assertEqual(len(WAITS), 16)
        self.assertTrue(all(0 <= wait <= bound for wait, bound in zip(WAITS, bounds, strict=True)))

    def test_a_service_error_of_lambda_is_retried(self):
        self.blocks({"steps": ["extract"]})
        WORLD.answers["extract 0"] = aws.service_error(429, b"Rate Exceeded.")
        self.run_machine()
        self.assertEqual(len(WORLD.events["extract"]), 9)
        self.assertEqual(CHILDREN["0"][0], "Lambda.TooManyRequestsException")


class Strictness(Executions):
    """Each of these passes in moto as it is, and fails on AWS."""

    def test_a_path_that_leads_nowhere_ends_the_execution(self):
        self.blocks({"steps": ["extract"]})
        bare = json.loads(DEFINITION)
        states = bare["States"]["Blocks"]["ItemProcessor"]["States"]
        states["AfterExtract"]["Choices"][0] = {
            "Variable": "$.extract.nothing_to_load", "BooleanEquals": True, "Next": "BlockDone"
        }  # fmt: skip
        self.run_machine(json.dumps(bare))
        error, cause = CHILDREN["0"]
        self.assertEqual(error, "States.Runtime")
        self.assertIn("$.extract.nothing_to_load", cause)

    def test_a_map_that_tolerates_nothing_fails_with_a_failed_child(self):
        self.blocks({"steps": ["extract"]}, {"steps": ["extract"]})
        WORLD.answers["extract 0"] = {"errorType": "ProviderRejected", "errorMessage": "refused"}
        for tolerated, fails in (({}, True), ({"ToleratedFailureCount": 1}, False), ({"ToleratedFailureCount": 0}, True),
                                 ({"ToleratedFailurePercentage": 50.0}, False), ({"ToleratedFailurePercentage": 49.0}, True)):  # fmt: skip
            with self.subTest(tolerated=tolerated):
                changed = json.loads(DEFINITION)
                blocks = changed["States"]["Blocks"]
                del blocks["ToleratedFailurePercentage"], blocks["Catch"]
                blocks.update(tolerated)
                ended = self.run_machine(json.dumps(changed), f"tolerates-{len(str(tolerated))}-{fails}")
                self.assertEqual(ended["status"], "FAILED" if fails else "SUCCEEDED")
                if fails:
                    self.assertEqual(ended["error"], "States.ExceedToleratedFailureThreshold")

    def test_a_concurrency_that_is_no_whole_number_is_refused_and_not_caught(self):
        for n, value in enumerate(["10", 2.5, None, {}, -1]):
            with self.subTest(value=value):
                self.setUp()
                WORLD.max_concurrency = value
                ended = self.run_machine(name=f"concurrency-{n}")
                self.assertEqual((ended["status"], ended["error"]), ("FAILED", "States.Runtime"))
                self.assertNotIn("summarize", WORLD.events)

    def test_two_executions_without_a_name_are_two(self):
        self.blocks({"steps": ["extract"]})
        first, second = self.run_machine(), self.execute()
        self.assertNotEqual(first["executionArn"], second["executionArn"])
        self.assertEqual(len(WORLD.events["plan-blocks"]), 2)


if __name__ == "__main__":
    unittest.main()
