"""Snapshots of who is in a group, from lists of payloads and of their elements."""

from __future__ import annotations

from textwrap import dedent

from tests.pipelines.carriers.mapping.beacon import beacon, rejection

ROOM = beacon(
    dedent("""
    cases:
      - emit:
          - kind: group.snapshot
            id: "members/{room}/{at}"
            time: {of: "{at}", unit: seconds}
            group: "{room}"
            members:
              each: "users[]"
              id: "{users[].id}"
              role: {of: "{users[].staff}", map: {true: operator}}
              when: {"users[].gone": {differs: true}}
    """)
)
POSTS = beacon(
    dedent("""
    cases:
      - emit:
          - kind: group.snapshot
            each: "posts[]"
            id: "members/{posts[].id}"
            time: {of: "{posts[].id}", unit: seconds}
            group: "{posts[].room}"
            members:
              - {id: "{posts[].by}"}
              - {each: "posts[].to[]", id: "{posts[].to[]}"}
    """)
)


def test_members_are_the_elements_that_are_meant():
    value = (
        b"""{"room": 1, "at": 1600000000, "users": [{"id": 7}, {"id": 8, "staff": true}, {"id": 9, "gone": true}]}"""
    )

    [event] = ROOM.decode([value]).events.to_dicts()

    assert event["members"] == [{"id": "beacon:7", "role": "member"}, {"id": "beacon:8", "role": "operator"}]


def test_members_of_an_element_are_those_of_its_own_lists():
    value = b"""{"posts": [{"id": 1600000000, "room": 1, "by": 5, "to": [6, 7]},
                           {"id": 1600000001, "room": 2, "by": 8, "to": []}]}"""

    events = POSTS.decode([value, value]).events

    ids = [[one["id"] for one in members] for members in events["members"]]
    assert ids == [["beacon:5", "beacon:6", "beacon:7"], ["beacon:8"]] * 2


def test_a_group_whose_members_are_not_given_is_rejected():
    decoded = ROOM.decode([b'{"room": 1, "at": 1600000000}'])

    assert rejection(decoded) == ("missing_field", "group.snapshot needs members")


def test_a_member_without_an_id_is_rejected():
    decoded = ROOM.decode([b'{"room": 1, "at": 1600000000, "users": [{"id": 7}, {}]}'])

    assert rejection(decoded) == ("invalid_field", "a member needs an id (from {users[].id})")
