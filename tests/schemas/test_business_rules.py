"""Rules across tables: what their divisions into parts leave out would not be looked at where only it changes."""

import re

import pytest

from schemas.business_rules import RULES, Rule

ACROSS = [
    pytest.param(rule, id=f"{table}: {name}")
    for table, rules in RULES.items()
    for name, rule in rules.items()
    if "staging." in rule.query
]


@pytest.mark.parametrize("rule", ACROSS)
def test_each_table_that_a_rule_names_is_divided_or_summed_or_watched(rule: Rule) -> None:
    named = set(re.findall(r"staging\.(\w+)", rule.query))
    assert named <= rule.by.keys() | rule.sums.keys() | rule.whole.keys()
    # A table that is divided is scoped wherever the query names it: its values cannot be read as a whole, too.
    assert not rule.whole.keys() & rule.by.keys()
    assert not rule.whole or (rule.by and not rule.refers_to)
