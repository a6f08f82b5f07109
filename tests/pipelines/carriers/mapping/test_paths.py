"""Paths name places in a payload, and what is none is refused with the reason."""

from __future__ import annotations

import pytest

from pipelines.carriers.mapping.paths import Path, PathError, segments


@pytest.mark.parametrize(
    ("text", "level", "field", "where"),
    [
        ("id", "", "id", None),
        ("message.sender_id", "", "message.sender_id", None),
        ("users[]", "users[]", "", None),
        ("event.users[].user_id.union_id", "event.users[]", "user_id.union_id", None),
        ("message[type=text].data.text", "message[]", "data.text", ("type", "text", False)),
        ("message[type!=text].data", "message[]", "data", ("type", "text", True)),
        ("links[].members[].id", "links[].members[]", "id", None),
        ("content::json.text", "", "content::json.text", None),
        ("data::json.users[].id", "data::json.users[]", "id", None),
        ("header:X-Shop-Topic", "", "header:X-Shop-Topic", None),
    ],
)
def test_a_path_is_of_a_level(text: str, level: str, field: str, where: tuple[str, str, bool] | None):
    path = Path.parse(text)
    assert (path.level, path.field, path.where) == (level, field, where)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.b", ("a", "b")),
        ("content::json.text", ("content", "::json", "text")),
        ("content.'m.relates_to'.rel_type", ("content", "m.relates_to", "rel_type")),
        ("'two words'", ("two words",)),
        ("xml::xml.sysmsg.@type", ("xml", "::xml", "sysmsg", "@type")),
    ],
)
def test_a_path_is_walked_name_by_name(text: str, parts: tuple[str, ...]):
    assert segments(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", ".a", "a.", "a..b", "[]", "a[b]", "a[b=c", "a[]b", "::json.a", "a b", "a.{b}", "header:"],
)
def test_what_is_no_path_is_refused(text: str):
    with pytest.raises(PathError):
        Path.parse(text)
