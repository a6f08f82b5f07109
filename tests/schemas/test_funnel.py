import datetime as dt
import subprocess
import sys

import pytest

from schemas.funnel import (
    Breakdown,
    Exclusion,
    FunnelDefinition,
    FunnelDefinitionError,
    Step,
    fingerprint,
    parse,
    standard,
)

GOOD = """\
name: buying
description: From cart to payment.
mode: sequential
count: persons
window: 12h
steps:
  - name: cart
    when: type = 'cart.added'
  - name: paid
    when: type = 'order.paid'
"""


def test_a_definition_says_what_its_file_says():
    steps = (Step("cart", "type = 'cart.added'"), Step("paid", "type = 'order.paid'"))
    window = dt.timedelta(hours=12)
    assert parse(GOOD, "f") == FunnelDefinition(
        "buying", "From cart to payment.", "sequential", "persons", window, steps
    )


BROKEN_DOWN = (
    GOOD
    + """\
breakdowns:
  - by: group_id
    touch: first_step
  - by: purpose
    touch: all_steps
    limit: 3
"""
)


def test_a_definition_says_what_it_is_published_by():
    assert parse(BROKEN_DOWN, "f").breakdowns == (
        Breakdown("group_id", "first_step", 25),
        Breakdown("purpose", "all_steps", 3),
    )


def test_a_fingerprint_does_not_depend_on_what_it_is_published_by():
    assert fingerprint(parse(BROKEN_DOWN, "f")) == fingerprint(parse(GOOD, "f"))


@pytest.mark.parametrize(
    ("old", "new", "line", "found"),
    [
        ("by: purpose", "by: account_id", 14, "'account_id'"),
        ("touch: all_steps", "touch: any", 15, "'any'"),
        ("    touch: first_step\n", "", 12, "no key 'touch'"),
        ("limit: 3", "limit: 0", 16, "'0'"),
        ("limit: 3", "limit: 1001", 16, "'1001'"),
        ("limit: 3", "limit: 3.0", 16, "'3.0'"),
        ("limit: 3", "most: 3", 16, "the key 'most'"),
        (
            "by: purpose\n    touch: all_steps",
            "by: group_id\n    touch: first_step",
            14,
            "a second breakdown by group_id",
        ),
        (BROKEN_DOWN[len(GOOD) :], "breakdowns: group_id\n", 11, "'group_id'"),
    ],
)
def test_a_breakdown_that_cannot_be_is_refused_with_its_line(old, new, line, found):
    assert old in BROKEN_DOWN
    with pytest.raises(FunnelDefinitionError) as refused:
        parse(BROKEN_DOWN.replace(old, new), "mine.yaml")
    assert (refused.value.line, refused.value.found.partition(",")[0]) == (line, found)


def test_a_description_may_be_left_out():
    assert parse(GOOD.replace("description: From cart to payment.\n", ""), "f").description == ""


@pytest.mark.parametrize(
    ("duration", "window"), [("90m", dt.timedelta(minutes=90)), ("1h", dt.timedelta(hours=1)), ("7d", dt.timedelta(7))]
)
def test_a_window_is_an_integer_and_a_unit(duration, window):
    assert parse(GOOD.replace("12h", duration), "f").window == window


@pytest.mark.parametrize(
    ("old", "new", "line", "found"),
    [
        ("12h", "60 days", 5, "'60 days'"),
        ("12h", "0d", 5, "'0d'"),
        ("12h", "36501d", 5, "'36501d'"),
        ("12h", "1.5h", 5, "'1.5h'"),
        ("12h", "[12h]", 5, "a list"),
        ("mode: sequential", "mode: any", 3, "'any'"),
        ("count: persons", "count: sessions", 4, "'sessions'"),
        ("name: buying", "name: Buying!", 1, "'Buying!'"),
        ("window: 12h", "windows: 12h", 5, "the key 'windows'"),
        ("window: 12h\n", "", 1, "no key 'window'"),
        ("count: persons", "mode: sequential", 4, "the key 'mode' again"),
        ("    when: type = 'order.paid'", "    where: type = 'order.paid'", 10, "the key 'where'"),
        ("name: paid", "name: cart", 9, "a second step 'cart'"),
        ("when: type = 'order.paid'", "when: true", 10, "'true'"),
        ("when: type = 'order.paid'", "when: ''", 10, "''"),
        ("  - name: paid\n    when: type = 'order.paid'\n", "", 7, "1 steps"),
        ("when: type = 'order.paid'", "when: [", 11, "expected the node content"),
        (GOOD, "", 1, "nothing"),
        (GOOD, "- a", 1, "a list"),
        ("name: buying", "name: !!python/object:os.system x", 1, "'x'"),
    ],
)
def test_what_no_funnel_can_be_made_of_is_refused_with_its_line(old, new, line, found):
    assert old in GOOD
    with pytest.raises(FunnelDefinitionError) as refused:
        parse(GOOD.replace(old, new), "mine.yaml")
    assert (refused.value.line, refused.value.found.partition(",")[0]) == (line, found)
    assert str(refused.value).startswith(f"found {found}")
    assert f"Where: mine.yaml, line {line}\n" in str(refused.value)


FULL = (
    GOOD.replace("mode: sequential", "mode: strict_order").replace("count: persons", "count: entries")
    + """\
strict_increase: true
hold: [group_id, currency]
exclude:
  - when: type = 'order.refunded'
    between: [cart, paid]
  - when: type = 'member.left'
"""
)


def test_a_definition_may_exclude_hold_and_count_entries():
    definition = parse(FULL, "f")
    assert (definition.mode, definition.count, definition.strict_increase) == ("strict_order", "entries", True)
    assert definition.hold == ("group_id", "currency")
    assert definition.exclude == (
        Exclusion("type = 'order.refunded'", ("cart", "paid")),
        Exclusion("type = 'member.left'"),
    )


def test_an_exclusion_ends_chains_after_its_first_step_and_before_its_last():
    steps = "".join(f"  - {{name: s{n}, when: joined}}\n" for n in range(4))
    text = (
        GOOD[: GOOD.index("  - name: cart")] + steps + "exclude: [{when: exposed, between: [s1, s3]}, {when: exposed}]"
    )
    assert parse(text, "f").gaps() == [0b0110, 0b0111]


@pytest.mark.parametrize(
    ("old", "new", "line", "found"),
    [
        ("strict_increase: true", "strict_increase: maybe", 11, "'maybe'"),
        ("mode: strict_order", "mode: any_order", 11, "times that increase in any order"),
        ("mode: strict_order\n", "mode: any_order\n# strict_increase below\n", 12, "times that increase in any order"),
        ("hold: [group_id, currency]", "hold: group_id", 12, "'group_id'"),
        ("hold: [group_id, currency]", "hold: [group_id, group_id]", 12, "'group_id' again"),
        ("[cart, paid]", "[paid, cart]", 15, "'paid'"),
        ("[cart, paid]", "[cart]", 15, "1 steps"),
        ("[cart, paid]", "[cart, sold]", 15, "'sold'"),
        ("  - when: type = 'member.left'", "  - type = 'member.left'", 16, "'type = 'member.left''"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_its_line(old, new, line, found):
    assert old in FULL
    with pytest.raises(FunnelDefinitionError) as refused:
        parse(FULL.replace(old, new), "mine.yaml")
    assert (refused.value.line, refused.value.found.partition(",")[0]) == (line, found)


def test_exclusions_between_steps_are_refused_in_any_order():
    text = FULL.replace("strict_order", "any_order").replace("strict_increase: true\n", "")
    with pytest.raises(FunnelDefinitionError, match=r"(?s)found between in any order.*line 14"):
        parse(text, "mine.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("strict_increase: true", "strict_increase: false"),
        ("entries", "persons"),
        ("strict_order", "consecutive"),
        ("[group_id, currency]", "[group_id]"),
        ("    between: [cart, paid]\n", ""),
        ("member.left", "member.joined"),
    ],
)
def test_a_fingerprint_tells_options_apart(old, new):
    assert old in FULL
    assert fingerprint(parse(FULL.replace(old, new), "f")) != fingerprint(parse(FULL, "f"))


def test_sixty_three_steps_are_too_many():
    many = GOOD + "".join(f"  - name: s{n}\n    when: joined\n" for n in range(61))
    with pytest.raises(FunnelDefinitionError, match=r"(?s)found 63 steps.*allowed: a list of 2 to 62 steps"):
        parse(many, "f")


def test_the_packaged_funnel_leads_from_joining_to_buying_again():
    names = ["joined", "activated", "retained", "exposed", "clicked", "ordered", "paid", "repurchased"]
    assert [step.name for step in standard().steps] == names


def test_a_fingerprint_is_the_same_in_another_process():
    code = "from schemas.funnel import fingerprint, standard; print(fingerprint(standard()))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == fingerprint(standard())


@pytest.mark.parametrize(
    ("old", "new"),
    [("buying", "selling"), ("12h", "13h"), ("name: paid", "name: payed"), ("'order.paid'", "'order.placed'")],
)
def test_a_fingerprint_tells_definitions_of_other_meaning_apart(old, new):
    assert fingerprint(parse(GOOD.replace(old, new), "f")) != fingerprint(parse(GOOD, "f"))


def test_a_fingerprint_does_not_depend_on_the_description():
    assert fingerprint(parse(GOOD.replace("From", "Out of"), "f")) == fingerprint(parse(GOOD, "f"))


def test_a_fingerprint_fits_a_signed_64_bit_integer():
    assert 0 <= fingerprint(standard()) < 2**63
