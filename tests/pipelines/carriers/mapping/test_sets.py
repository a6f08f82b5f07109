"""Conditions on two places at once, pairs of two lists, the first of several texts, instants in identities."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.carriers.mapping.compiled_mapping import MOST_EVENTS
from pipelines.carriers.mapping.model import MappingError
from tests.pipelines.carriers.mapping.beacon import beacon, cell, message, rejection, sending

REACTIONS = beacon("""
cases:
  - emit:
      - kind: reaction.added
        each: new[]
        when: {"new[].emoji": {not_among: "old[].emoji"}}
        id: "added/{new[].emoji}"
        time: {of: "{at}", unit: seconds}
        group: "{room}"
        account: "{by}"
        message_id: "{id}"
      - kind: reaction.removed
        each: old[]
        when: {"old[].emoji": {not_among: "new[].emoji"}}
        id: "removed/{old[].emoji}"
        time: {of: "{at}", unit: seconds}
        group: "{room}"
        account: "{by}"
        message_id: "{id}"
""")

PAIRS = beacon("""
cases:
  - emit:
      - kind: member.joined
        each: ["rooms[]", "users[]"]
        when: {"users[]": {differs: 9}}
        id: "joined/{rooms[]}/{users[]}"
        time: {of: "{at}", unit: seconds}
        group: "{rooms[]}"
        account: "{users[]}"
""")

EITHER = beacon("""
cases:
  - when: [{type: join}, {type: change, was: {same_as: seen}}]
    ignore: not new
""")


def reactions(old: list[str] | None, new: list[str] | None) -> list[str]:
    sets = {
        name: [{"emoji": one} for one in given] for name, given in (("old", old), ("new", new)) if given is not None
    }
    return REACTIONS.decode([message(**sets)]).events["event_id"].to_list()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], ["a"], ["added/a"]),
        (None, ["a", "b"], ["added/a", "added/b"]),
        (["a"], ["a", "b"], ["added/b"]),
        (["a", "b"], ["b", "c"], ["added/c", "removed/a"]),
        (["a"], [], ["removed/a"]),
        (["a"], None, ["removed/a"]),
        (["a"], ["a"], []),
    ],
)
def test_two_lists_differ_by_what_is_in_one_alone(old: list[str] | None, new: list[str] | None, expected: list[str]):
    assert reactions(old, new) == expected


def test_lists_of_other_payloads_make_no_difference():
    decoded = REACTIONS.decode([message(new=[{"emoji": "a"}]), message(old=[{"emoji": "a"}], new=[])])
    assert decoded.events.select("row", "event_id").rows() == [(0, "added/a"), (1, "removed/a")]


def test_a_value_is_among_a_list():
    carrier = beacon('cases:\n  - when: {by: {among: "staff[].name"}}\n    ignore: staff')
    lists = [[{"name": "ann"}, {"name": "bo"}], [{"name": "bo"}], [], ..., [{"name": "ann"}], [{}], [None]]
    ignored = carrier.decode([message(staff=one) for one in lists]).ignored["reason"].to_list()
    assert ignored == ["staff", "unknown", "unknown", "unknown", "staff", "unknown", "unknown"]


def test_a_list_is_asked_for_by_a_path_into_it():
    with pytest.raises(MappingError, match="no path into a list"):
        beacon("cases:\n  - when: {by: {among: staff}}\n    ignore: staff")


def test_one_of_several_conditions_has_to_hold():
    payloads = [
        message(type="join"),
        message(type="change", was="a", seen="a"),
        message(type="change", was="a", seen="b"),
        message(type="change"),
    ]
    assert EITHER.decode(payloads).ignored["reason"].to_list() == ["not new", "not new", "unknown", "unknown"]


def test_two_places_differ_where_one_of_them_is_empty():
    carrier = beacon("cases:\n  - when: {was: {not_same_as: seen}}\n    ignore: changed")
    payloads = [message(was="a", seen="a"), message(was="a", seen="b"), message(was="a"), message(seen="a"), message()]
    assert carrier.decode(payloads).ignored["reason"].to_list() == ["unknown", *["changed"] * 4]


def test_what_no_case_is_about_has_the_first_name_that_it_gives():
    carrier = beacon('called: {of: ["{type} {part}", "{type}"]}\ncases: []')
    ignored = carrier.decode([message(type="a", part="b"), message(type="a"), message()]).ignored
    assert ignored["reason"].to_list() == ["unknown a b", "unknown a", "unknown"]


def test_two_lists_give_an_event_for_each_pair():
    decoded = PAIRS.decode([message(rooms=[1, 2], users=[7, 8, 9]), message(rooms=[3], users=[7])])
    assert set(decoded.events.select("row", "group_id", "account_id").rows()) == {
        (0, "beacon:1", "beacon:7"),
        (0, "beacon:1", "beacon:8"),
        (0, "beacon:2", "beacon:7"),
        (0, "beacon:2", "beacon:8"),
        (1, "beacon:3", "beacon:7"),
    }
    assert decoded.events.filter(pl.col("row") == 0)["position"].to_list() == [0, 1, 2, 3]


def test_a_pair_needs_an_element_of_each_list():
    decoded = PAIRS.decode([message(rooms=[1], users=[]), message(users=[1]), message(rooms=[], users=[1])])
    assert decoded.events.is_empty()
    assert decoded.ignored["reason"].to_list() == ["nothing to tell"] * 3


def test_a_payload_of_too_many_events_is_rejected_before_they_are_made():
    many = list(range(50_000))
    decoded = PAIRS.decode([message(rooms=many, users=many), message(rooms=[3], users=[7])])
    assert decoded.events["group_id"].to_list() == ["beacon:3"]
    assert rejection(decoded) == ("too_many", f"2500000000 events, at most {MOST_EVENTS} are read")


def test_as_many_events_as_there_may_be_have_a_place_each():
    decoded = PAIRS.decode([message(rooms=[1], users=[user + 10 for user in range(MOST_EVENTS)])])
    assert decoded.events["position"].to_list() == list(range(MOST_EVENTS))


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({"text": "abc", "caption": "de"}, 3),
        ({"text": "", "caption": "de"}, 2),
        ({"caption": "de"}, 2),
        ({"caption": {"length": 5}}, 5),
        ({"text": ""}, 0),
        ({}, None),
    ],
)
def test_the_first_text_that_is_not_empty_counts(fields: dict[str, object], length: int | None):
    assert cell(sending("text: [text, {of: caption}]"), "text_length", message(**fields)) == length


def test_one_instant_gives_one_identity_however_it_is_written():
    carrier = beacon("""
cases:
  - emit:
      - kind: message.edited
        id: "edited/{id}/{#time}"
        time: [{of: "{edited}", unit: rfc3339}, {of: "{seconds}", unit: seconds}]
        group: "{room}"
        message_id: "{id}"
""")
    payloads = [
        message(edited="2026-01-01T07:02:00.5+08:00"),
        message(edited="2025-12-31T23:02:00.500000+00:00"),
        message(seconds=1767222120.5),
    ]
    assert carrier.decode(payloads).events["event_id"].to_list() == ["edited/7/1767222120500000"] * 3
