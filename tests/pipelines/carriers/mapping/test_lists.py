"""Paths through several lists, and payloads that are JSON or XML."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pipelines.carriers.mapping.paths import Elements, Filter, Path, PathError, steps
from pipelines.carriers.texts import Texts
from tests.pipelines.carriers.mapping.beacon import beacon

CASES = """
cases:
  - when: {what: {present: true}}
    emit:
      - kind: member.joined
        each: "links.link[@name=new].members.member[]"
        id: "joined/{what}/{links.link[@name=new].members.member[].id}/{#}"
        time: {of: "{at}", unit: seconds}
        group: "{room}"
        account: "{links.link[@name=new].members.member[].id}"
"""
ROOM = {
    "xml": "<x><what>j</what><at>1600000000</at><room>1</room><links>{}</links></x>",
    "json": '{{"what": "j", "at": 1600000000, "room": 1, "links": {{"link": {}}}}}',
}


@pytest.mark.parametrize(
    ("links", "joined"),
    [
        ("<link name='new'><members><member><id>5</id></member></members></link>", ["j/5/0"]),
        (
            "<link name='by'><members><member><id>4</id></member></members></link><link name='new'><members>"
            "<member><id>5</id></member><member><id>6</id></member></members></link>",
            ["j/5/0", "j/6/1"],
        ),
        ("<link name='by'><members><member><id>4</id></member></members></link>", []),
        ("", []),
    ],
)
def test_elements_of_a_chosen_element_of_a_list(links: str, joined: list[str]):
    value = ROOM["xml"].format(links).encode()

    found = beacon("format: xml" + CASES).decode([value])

    assert found.events["event_id"].to_list() == [f"joined/{one}" for one in joined]
    assert found.ignored.height == (not joined)


def test_what_may_be_either_is_xml_if_it_begins_so():
    links = '[{"@name": "by"}, {"@name": "new", "members": {"member": [{"id": 5}, {"id": 6}]}}]'
    link = "<link name='new'><members><member><id>7</id></member></members></link>"
    xml = "\n" + ROOM["xml"].format(link)
    values = [ROOM["json"].format(links).encode(), xml.encode(), b"<x>", b"{"]

    found = beacon("format: json_or_xml" + CASES).decode(values)

    assert found.events.select("row", "event_id", "position").rows() == [
        (0, "joined/j/5/0", 0),
        (0, "joined/j/6/1", 1),
        (1, "joined/j/7/0", 0),
    ]
    assert found.rejected.select("row", "reason").rows() == [(2, "bad_xml"), (3, "bad_json")]


def test_elements_have_the_fields_of_the_elements_they_are_in():
    batches = beacon(
        dedent("""
    cases:
      - emit:
          - kind: member.joined
            each: "batches[].members[]"
            id: "joined/{batches[].id}/{batches[].members[].id}/{#}"
            time: {of: "{batches[].at}", unit: seconds}
            group: "{room}"
            account: "{batches[].members[].id}"
            mentions: {count: "batches[].members[]"}
    """)
    )
    values = [
        b'{"room": 1, "batches": [{"id": "x", "at": 1, "members": [{"id": 7}, {"id": 8}]}, {"id": "y", "at": 2}]}',
        b'{"room": 2, "batches": []}',
        b'{"room": 3, "batches": [3, {"id": "z", "at": 3, "members": [{"id": 9}]}]}',
    ]

    found = batches.decode(values)

    assert found.events.select("row", "event_id", "group_id", "position", "mentions").rows() == [
        (0, "joined/x/7/0", "beacon:1", 0, 2),
        (0, "joined/x/8/1", "beacon:1", 1, 2),
        (2, "joined/z/9/0", "beacon:3", 0, 1),
    ]
    assert found.events["time"].dt.epoch("s").to_list() == [1, 1, 3]
    assert found.ignored["row"].to_list() == [1]


def test_a_list_of_one_in_xml_within_json():
    within = beacon(CASES.replace("links.link", "links::xml.link"))
    link = "<x><link name='new'><members><member><id>5</id></member></members></link></x>"
    value = ROOM["json"].replace('{{"link": {}}}', '"{}"').format(link).encode()

    assert within.decode([value]).events["event_id"].to_list() == ["joined/j/5/0"]


def test_one_object_is_no_list_in_json():
    value = ROOM["json"].format('{"@name": "new", "members": {"member": [{"id": 5}]}}').encode()

    assert beacon(CASES).decode([value]).ignored["reason"].to_list() == ["nothing to tell"]


@pytest.mark.parametrize("text", ["[].a", "a[", "a]", "a[].", "a[]b", "a[x].b", "a[x=].b[]", "a[][", "a[[]]", "a[]]b"])
def test_what_is_no_path_is_said(text: str):
    with pytest.raises(PathError):
        Path.parse(text)


def test_steps_of_a_path():
    path = Path.parse("a::json.b[k=v][].'c.d'[x=1].e.f")

    assert (path.level, path.field, path.where) == ("a::json.b[k=v][].'c.d'[]", "e.f", Filter("x", "1"))
    assert steps(path.level) == ("a", "::json", "b", Elements(Filter("k", "v")), Elements(), "c.d", Elements())


def test_elements_of_which_a_field_differs():
    posts = beacon(
        dedent("""
    texts: ["posts[kind!=system].text"]
    cases:
      - emit:
          - kind: message.sent
            id: "message/{id}"
            time: {of: "{id}", unit: seconds}
            group: "1"
            account: "2"
            message_id: "{posts[kind!=system].by}"
            text: "posts[kind!=system].text"
    """)
    )
    one = b'{"id": 1600000000, "posts": [{"kind": "system", "text": "five", "by": 7}, {"text": "six", "by": 8}]}'

    (measured,) = posts.measured([one], Texts(b"key"))

    for value in (one, measured):
        assert posts.decode([value]).events.select("message_id", "text_length").rows() == [("8", 3)]
    assert b"five" in measured
    assert b"six" not in measured


def test_lists_of_none_one_and_several_elements_in_one_batch():
    posts = beacon(
        dedent("""
    cases:
      - when: {"posts[kind=end].by": {present: true}}
        ignore: the end
      - emit:
          - kind: message.sent
            id: "message/{id}"
            time: {of: "{id}", unit: seconds}
            group: "1"
            account: "2"
            message_id: "{posts[].by}"
            text: "posts[kind=text].text"
            mentions: {count: "posts[kind=at]"}
            links: {of: "{posts[kind=sum].length}"}
    """)
    )
    lists = [
        b"[]",
        b'[{"kind": "text", "text": "five", "by": 7}]',
        b'[{"kind": "at"}, {"kind": "text", "text": "six"}, {"kind": "text", "text": "ten"}, {"kind": "at", "by": 8}]',
        b'[{"kind": "end", "by": 9}]',
        b'[{"kind": "sum", "length": 3, "by": "a"}]',
        b'[{"kind": "sum", "length": 3, "by": "a"}, {"kind": "sum", "length": 4, "by": "b"}]',
        b"[null]",
    ]
    values = [b'{"id": %d, "posts": %s}' % (1600000000 + n, one) for n, one in enumerate(lists)]

    found = posts.decode(values)

    assert found.events.select("row", "message_id", "text_length", "mentions", "links").rows() == [
        (1, "7", 4, 0, 0),
        (2, "8", 6, 2, 0),
        (4, "a", None, 0, 3),
        (5, "ab", None, 0, 7),
    ]
    assert found.rejected.select("row", "reason").rows() == [(0, "missing_field"), (6, "missing_field")]
    assert found.ignored.rows() == [(3, "the end")]
    for row, value in enumerate(values):
        alone = posts.decode([value])
        assert alone.events.rows() == [(0, *rest) for at, *rest in found.events.rows() if at == row]
