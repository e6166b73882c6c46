"""docs/RUNBOOK.md has an entry for each alarm of the template, and for nothing else."""

import re
import unittest

from cloudformation import ROOT, TEMPLATE_FILE, parsed

WATCHES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Events::Rule")


class Runbook(unittest.TestCase):
    def test_each_alarm_has_its_entry_and_each_entry_its_alarm(self):
        page = (ROOT / "docs/RUNBOOK.md").read_text()
        section = re.search(r"^## Alarms\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)[1]
        entries = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        alarms = [name for name, resource in parsed(TEMPLATE_FILE)["Resources"].items() if resource["Type"] in WATCHES]
        self.assertEqual(sorted(entries), sorted(alarms))


if __name__ == "__main__":
    unittest.main()
