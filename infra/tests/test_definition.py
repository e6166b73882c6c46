"""Tests of the state machine's definition for what interpreters on this machine are lenient about and AWS is not."""

import json
import pathlib
import re
import unittest
from collections.abc import Iterator

import botocore.session

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "statemachine.asl.json").read_text()
DEFINITION = json.loads(TEXT)
MAP = DEFINITION["States"]["Blocks"]
ITEM = MAP["ItemProcessor"]
STATES = {**DEFINITION["States"], **ITEM["States"]}
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
# Step Functions cuts a cause after this many characters.
MAX_CAUSE = 32_768
COMPARISON = re.compile(r"^(String|Numeric|Boolean|Timestamp)")


def errors_of_the_code() -> dict[str, bool]:
    """Each name, and whether it is transient."""
    source = (ROOT / "crates/pipeline/src/error.rs").read_text()
    names = re.findall(r'^        \w+ => "(\w+)",$', source, re.MULTILINE)
    transient = source.split("pub fn is_transient")[1].split("impl PipelineError")[0]
    return {name: f"Self::{name}\n" in transient for name in names}


def unguarded(test: dict, guarded: frozenset[str] = frozenset()) -> Iterator[str]:
    """The variables that a test compares before IsPresent has shown that they are there."""
    if "Variable" in test:
        if any(COMPARISON.match(key) for key in test) and test["Variable"] not in guarded:
            yield test["Variable"]
    elif "And" in test:
        for part in test["And"]:
            yield from unguarded(part, guarded)
            if part.get("IsPresent") is True:
                guarded |= {part["Variable"]}
    elif "Or" in test:
        for part in test["Or"]:
            yield from unguarded(part, guarded)
    else:
        raise AssertionError(f"an operator that this test does not know: {test}")


def attempts(state: dict, error: str) -> int:
    """How often a state is tried: the first retrier that names the error decides."""
    for retrier in state["Retry"]:
        if {error, "States.TaskFailed"} & set(retrier["ErrorEquals"]):
            return 1 + retrier["MaxAttempts"]
    return 1


class ErrorsOfLambda(unittest.TestCase):
    ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| .+ \|$", re.MULTILINE)

    def setUp(self):
        page = (ROOT / "docs/RETRIES.md").read_text().split("## Errors of Lambda")[1]
        self.documented = {f"Lambda.{name}": int(tried) for name, tried in self.ROW.findall(page)}

    def test_each_is_tried_as_the_page_says(self):
        for name, state in TASKS.items():
            found = {error: attempts(state, error) for error in self.documented}
            self.assertEqual(found, self.documented, name)

    def test_the_definition_names_none_that_the_page_does_not(self):
        for name, state in TASKS.items():
            named = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
            of_lambda = {error for error in named if error.startswith("Lambda.")}
            waited_for = {error for error, tried in self.documented.items() if tried > 3}
            self.assertEqual(of_lambda, waited_for, name)

    def test_every_error_of_a_call_is_judged(self):
        invoke = botocore.session.get_session().get_service_model("lambda").operation_model("Invoke")
        known = {f"Lambda.{shape.name}" for shape in invoke.error_shapes}
        self.assertEqual(known - set(self.documented), set())


class Choices(unittest.TestCase):
    def test_a_path_that_may_lead_nowhere_is_asked_for_first(self):
        for name, state in STATES.items():
            if state["Type"] == "Choice":
                for choice in state["Choices"]:
                    self.assertEqual(list(unguarded(choice)), [], name)

    def test_the_test_above_sees_an_unguarded_path(self):
        bare = {"Variable": "$.a", "StringEquals": "x"}
        asked = {"Variable": "$.a", "IsPresent": True}
        self.assertEqual(list(unguarded(bare)), ["$.a"])
        self.assertEqual(list(unguarded({"And": [bare, asked]})), ["$.a"])
        self.assertEqual(list(unguarded({"And": [asked, bare]})), [])
        self.assertEqual(list(unguarded({"Or": [asked, bare]})), ["$.a"])

    def test_every_choice_has_a_default_and_an_unknown_first_step_is_a_failure(self):
        for name, state in STATES.items():
            if state["Type"] == "Choice":
                self.assertIn("Default", state, name)
        self.assertEqual(STATES[STATES["FirstStep"]["Default"]]["Type"], "Fail")


class Errors(unittest.TestCase):
    def test_permanent_names_are_those_of_the_code_and_stand_before_the_wildcard(self):
        permanent = {name for name, is_transient in errors_of_the_code().items() if not is_transient}
        self.assertIn("InvalidInput", permanent)
        self.assertNotIn("BlockBusy", permanent)
        for name, state in TASKS.items():
            *_, never, rest = state["Retry"]
            self.assertEqual(set(never["ErrorEquals"]), permanent, name)
            self.assertEqual(never["MaxAttempts"], 0, name)
            self.assertEqual(set(rest["ErrorEquals"]), {"States.TaskFailed", "States.Timeout"}, name)

    def test_no_name_stands_in_two_retriers(self):
        for name, state in TASKS.items():
            named = [error for retrier in state["Retry"] for error in retrier["ErrorEquals"]]
            self.assertEqual(len(named), len(set(named)), name)

    def test_every_transient_name_is_waited_for_in_some_state(self):
        waited = {
            error
            for state in TASKS.values()
            for retrier in state["Retry"]
            if retrier["MaxAttempts"] > 0
            for error in retrier["ErrorEquals"]
        }
        transient = {name for name, is_transient in errors_of_the_code().items() if is_transient}
        self.assertLessEqual(transient, waited)

    def test_every_end_of_a_failed_block_has_an_error_and_a_cause(self):
        for name, state in STATES.items():
            if state["Type"] == "Fail":
                self.assertEqual(len({"Error", "ErrorPath"} & set(state)), 1, name)
                self.assertEqual(len({"Cause", "CausePath"} & set(state)), 1, name)
                self.assertLess(len(state.get("Cause", "")), MAX_CAUSE)
                self.assertFalse(state.get("Error", "").startswith("States."), "these names are reserved")

    def test_no_catcher_loses_the_input(self):
        for name, state in STATES.items():
            for catcher in state.get("Catch", []):
                self.assertRegex(catcher.get("ResultPath") or "", r"^\$\.\w+$", name)


class TheMap(unittest.TestCase):
    def test_every_failure_is_tolerated(self):
        # Without one of these, AWS tolerates none. moto does not read the number without a decimal point.
        self.assertEqual(MAP["ToleratedFailurePercentage"], 100)
        self.assertIn('"ToleratedFailurePercentage": 100.0,', TEXT)
        self.assertNotIn("ToleratedFailureCount", MAP)

    def test_max_concurrency_comes_from_the_plan_as_a_number(self):
        self.assertEqual(MAP["MaxConcurrencyPath"], "$.max_concurrency")
        source = (ROOT / "crates/pipeline/src/plan.rs").read_text()
        self.assertRegex(source, r"pub max_concurrency: u32,")

    def test_results_of_any_number_of_blocks_fit(self):
        # Without a writer, a state's result would have to fit into 256 KiB.
        self.assertIn("ResultWriter", MAP)
        self.assertIsNone(MAP["ResultPath"])


class Everywhere(unittest.TestCase):
    def test_no_partition_account_or_region_is_fixed(self):
        self.assertEqual(re.findall(r"arn:(?!\$\{Partition\}:states:::)\S*", TEXT), [])
        self.assertEqual(re.findall(r"\b\d{12}\b", TEXT), [])
        for name, task in TASKS.items():
            self.assertRegex(task["Parameters"]["FunctionName"], r"^\$\{\w+FunctionArn\}$", name)

    def test_everything_ends(self):
        self.assertLessEqual(DEFINITION["TimeoutSeconds"], 365 * 24 * 3600)
        for name, task in TASKS.items():
            self.assertGreater(task["TimeoutSeconds"], 900, name)

    def test_only_json_path_is_used_which_every_interpreter_here_knows(self):
        self.assertNotIn("QueryLanguage", TEXT)
        self.assertNotIn("{%", TEXT)

    def test_every_state_and_rule_is_explained_in_a_sentence(self):
        for name, state in STATES.items():
            rules = [*state.get("Retry", []), *state.get("Catch", []), *state.get("Choices", [])]
            for part in [state, *rules]:
                self.assertRegex(part.get("Comment", ""), r"^[A-Z].+\.$", name)


if __name__ == "__main__":
    unittest.main()
