# SPDX-License-Identifier: LGPL-2.1-or-later
"""--policies, and its options against the service's own table."""
import os
import re
import unittest
from pathlib import Path

from virtpind_bench.errors import USAGE, Refused
from virtpind_bench.policy_words import OPTION_TYPES, parse_policies

SOURCE = Path(__file__).resolve().parents[3] / "common/model/policy_options.cpp"


class PolicyWords(unittest.TestCase):
    def refused(self, text):
        with self.assertRaises(Refused) as refusal:
            parse_policies(text)
        self.assertEqual(refusal.exception.status, USAGE)
        return str(refusal.exception)

    def test_policies_have_options(self):
        none, other = parse_policies("none, dedicated+isolate+smt=require+priority=-3+cpus=2:4-7+tune=topoext:invtsc")
        self.assertEqual((none.policy, none.options), ("none", {}))
        self.assertEqual(other.options, {"isolate": ("b", True), "smt": ("s", "require"), "priority": ("i", -3),
                                         "cpus": ("s", "2,4-7"), "tune": ("as", ["topoext", "invtsc"])})

    def test_a_word_beside_true_and_false_is_a_string(self):
        _, other = parse_policies("none,dedicated+isolate=auto+profile=performance")
        self.assertEqual(other.options, {"isolate": ("s", "auto"), "profile": ("s", "performance")})

    def test_mistakes_name_the_input_and_what_is_valid(self):
        for text, *said in (("none", "1 policies", "2 to 8"), ("none,none", "twice"),
                            ("none,dedicated+isolat", "'isolat'", "isolate, profile"), ("none,+isolate", "begin"),
                            ("none,dedicated+isolate=maybe", "isolate=maybe", "true, false, auto"),
                            ("none,dedicated+priority=x", "no number"), ("none,dedicated+smt", "smt=VALUE"),
                            ("none,dedicated+smt=auto+smt=auto", "smt twice"), ("", "'' does not begin")):
            for part in said:
                self.assertIn(part, self.refused(text))

    @unittest.skipUnless(os.path.exists(SOURCE), "the service's table is not beside these tests")
    def test_types_are_those_of_the_service(self):
        table = re.findall(r'\{"([a-z-]+)",\s*\w+,\s*"(\w+)",', SOURCE.read_text(encoding="utf-8"))
        self.assertEqual(dict(table), OPTION_TYPES)
