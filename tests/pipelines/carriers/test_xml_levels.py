"""The compiled reader of XML in strings says of every text that it accepts what the parser and a plain walk say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipelines.carriers import json_levels
from pipelines.carriers.json_levels import ScannedLevels, read_levels
from pipelines.carriers.json_paths import MAX_DEPTH
from pipelines.carriers.json_scan import MOST_ATTRIBUTES
from pipelines.carriers.mapping.paths import TOP
from pipelines.carriers.mapping.rows import LevelsReader
from pipelines.carriers.mapping.xml_payload import XmlError, parse_xml
from tests.examples import examples
from tests.pipelines.carriers.both_ways import as_rows, assert_what_is_accepted_is_right, fields
from tests.pipelines.carriers.walled import Walled

PATHS = (
    *("s::xml.@k", "s::xml.#", "s::xml.a", "s::xml.a.b", "s::xml.a.@k", "s::xml.a.#", "s::xml.t", "s::xml.long_name.b"),
    *("s::xml.l[].u", "s::xml.l[]", "s::xml.l[].@k", "s::xml.l[].m[].u", "s::xml.l", "s::xml.a.l[].u"),
)
MORE_PATHS = (
    *("s", "s::xml", "s::xml.l[@k=1].m[].u", "s::xml.l[@k!=1].u[]", "s::xml.l[].m[@k=1].u", "s::xml.u[]"),
    *("s::xml.a.t::json.b", "s::xml.t::xml.a", "s::json.t::xml.a", "l[].s::xml.a", "l[].s::xml.l[].u"),
)
INNER = ("@k", "a", "a.b", "t", "l[].u", "l[]", "l[].@k", "a.l[].m[].u", "#")
SELDOM_ASKED = ("s::xml[].a", "s::xml[].l[].u", "s::xml[].@k[]", "s::xml[].#[]", "s::xml[].l[@k=1]")


def read(texts: Sequence[str], paths: Sequence[str] = PATHS) -> ScannedLevels:
    values = [json.dumps({"s": text, "l": [{"s": text}, {}]}, ensure_ascii=False).encode() for text in texts]
    return assert_what_is_accepted_is_right(values, paths)


def is_read(text: str, paths: Sequence[str] = PATHS) -> bool:
    return read([text], paths).accepted[0]


def is_read_by_compiled_code(text: str) -> bool:
    return read_levels(pl.Series([text.encode()]), fields(INNER), is_xml=True).accepted[0]


@pytest.mark.parametrize(
    "text",
    [
        "<x/>", "<x></x>", "<x>a</x>", "<x k='1'/>", '<x k="1">a</x>', "<x><a>b</a></x>", "who:\n<x><a>b</a></x>\n ",
        "<x ><a >b</a ></x >", "<x\nk = '1' j='2'\t/>", "<x.y-z_9 _k='>'><a/></x.y-z_9>",
        "<x>\n <a>\t b c\n</a>\n</x>",
        "<x><a><![CDATA[b<&>]]]></a></x>", "<x><a> b<![CDATA[<c>]]> d&amp;e<![CDATA[]]> </a></x>",
        "<x><![CDATA[]]></x>",
        "<x k='&lt;&gt;&amp;&apos;&quot;&#10;&#x4f60;&#128512;'><a>&lt;&#x4F60;\u4f60&quot; &#32; </a></x>",
        "<x><a>\u4f60\u597d\U0001f600</a></x>",
        "<?xml version=\"1.0\"?><x><a>b</a></x>", "<?xml version=\"1.0\" encoding=\"GBK\" ?>\n<x><a>\u4f60</a></x>",
        "<x><l><u>1</u></l><l k='1'>2</l><z/><l><m><u>3</u></m><m/></l></x>",
        "<x><t>1</t><t>2</t><z/><z><t/><t/></z></x>",
        "<x><a k='1'>b<c/>d</a></x>", "<x><a><c/>d</a></x>", "<x k='1'> </x>",
        "<x><a>'\"]] ></a></x>",
        "<x>" + "<z>" * (MAX_DEPTH - 1) + "</z>" * (MAX_DEPTH - 1) + "</x>",
        "<x " + " ".join(f"a{n}='{n}'" for n in range(MOST_ATTRIBUTES)) + "/>",
    ],
)  # fmt: skip
def test_xml_as_messages_have_it_is_read(text: str):
    assert is_read(text)


@pytest.mark.parametrize(
    "text", ["", "hello", "I <3 you", "a < b", "<", "x <", "< x/>", "<<x/>", "</x>", '<"/>', "<1/>"]
)
def test_a_text_that_is_surely_no_xml_has_no_fields(text: str):
    assert is_read(text)


@pytest.mark.parametrize(
    "text",
    [
        "<x", "<x>", "<x></y>", "<x></x", "<x></xx>", "<xx></x>", "<x/><x/>", "<x/>a", "<x>a</x>b", "<x><a></x></a>",
        "<x a/>",
        "<x a=1/>", "<x a='1/>", "<x a='1\"/>", "<x a='<'/>", "<x a='1'b='2'/>", "<x a='1' a='2'/>", "<x / >",
        "<x>&foo;</x>",
        "<x>&amp</x>", "<x>&#0;</x>", "<x>&#xd800;</x>", "<x>&#X20;</x>", "<x>&#;</x>", "<x>&#x;</x>", "<x>&</x>",
        "<x>]]></x>",
        "<x>\1</x>", "<x a='\1'/>", "<x>\ufffe</x>", "<x a='\uffff'/>", "<x><![CDATA[</x>",
        "<x><![CDATA[\uffff]]></x>",
        "<![CDATA[a]]>", "<x><![cdata[a]]></x>", "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\">", "<?xml?><x/>",
        "<!x>", "<\u4f60", "<!DOCTYPE x><x/>",
    ],
)  # fmt: skip
def test_what_only_begins_as_xml_is_left_to_the_parser_alone(text: str):
    assert not is_read_by_compiled_code(text)
    assert is_read(text)


@pytest.mark.parametrize(
    "text",
    [
        "<x><!-- c --></x>", "<!-- c --><x/>", "<x/><!-- c -->", "<x><?p i?></x>",
        "<q:x xmlns:q='u'/>", "<x xmlns='u'/>",
        "<x xml:space='preserve'/>", "<\u4f60/>", "<x \u4f60='1'/>", "<x>a\rb</x>", "<x a='1\n2'/>", "<x a='1\t2'/>",
        "<x><a>\u3000b</a></x>",
        "<x><a>b\xa0</a></x>", "<x><a>\u2028</a></x>", "<x><a>b&#12288;</a></x>", "<x><a><b/></a><a/></x>",
        "<x><l><m><u/></m></l><a><b/></a><a/></x>",
        "<?xml version='1.0'?><x/>", "<?xml version=\"1.0\" standalone=\"yes\"?><x/>",
        "<x>" + "<z>" * MAX_DEPTH + "</z>" * MAX_DEPTH + "</x>",
        "<x " + " ".join(f"a{n}='{n}'" for n in range(MOST_ATTRIBUTES + 1)) + "/>",
    ],
)  # fmt: skip
def test_what_messages_seldom_have_is_left_to_the_parser_with_the_payload(text: str):
    parse_xml(text)
    assert not is_read_by_compiled_code(text)
    assert not is_read(text)


def test_a_place_that_is_asked_for_both_as_an_object_and_as_a_list_is_left_to_the_parser():
    assert not is_read("<x><l><u>1</u></l></x>", ("s::xml.l.u", "s::xml.l[].u"))


def test_levels_of_some_elements_have_places_among_these():
    text = "<x><l k='1'><m>a</m></l><l><m>b</m></l><l k='1'><m k='1'><u>c</u></m><m><u>d</u></m></l></x>"
    assert is_read(text, MORE_PATHS)
    levels = read([text, "", text], ("s::xml.l[@k=1].m[].u",)).of_accepted()
    assert levels["s::xml.l[@k=1].m[]"].fields["u"].to_list() == [None, "c", "d"] * 2
    assert levels["s::xml.l[@k=1].m[]"].parent.to_list() == [0, 1, 1, 2, 3, 3]
    assert levels["s::xml.l[@k=1]"].index.to_list() == [0, 1, 0, 1]


@pytest.mark.parametrize("n_elements", [0, 3, 100, 5000])
def test_lists_longer_than_there_was_room_for_are_read_in_pieces(n_elements: int):
    texts = [f"<x><a>{n}</a>{'<l><u>&amp;</u></l>' * (n_elements * (n > 3))}</x>" for n in range(6)]
    read([*texts, "<x><l/><l>", *texts])


def test_many_texts_are_read_by_several_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_levels, "_PART_ROWS", 10)
    read([f"<x><a>{n}</a><l><m><u>&lt;{n}</u></m><m/></l><l/></x>" if n % 7 else "<x" for n in range(99)])


TEXT_PIECES = st.sampled_from(
    [
        *"abx", " ", "\n", "\t", "\u4f60\u597d", "\U0001f600", "x" * 20, "&amp;", "&#65;", "&#x4f60;",
        "<![CDATA[<c>&]]>", "<![CDATA[]]>", '"', "'", "]", "\u3000", "\xa0", "&#12288;", "&nbsp;", "<!-- c -->", "\r",
        "]]>", "\x01", "\ufffe", "<?p?>", '{"b":1}',
    ]
)  # fmt: skip
BETWEEN = st.sampled_from([" ", " ", "\n", ""])
VALUES = st.sampled_from(["1", "1", "", "2>", "&lt;", "x" * 15, "\t", "&", "<"])
HEADS = ("", "", "", "who:\n", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-16"?>\n')
NAMES = st.sampled_from([*"abltmu", "z", "long_name", "long_name_" * 4])


@st.composite
def written_elements(draw: st.DrawFn, inner: st.SearchStrategy[str], name: str | None = None) -> str:
    name = name or draw(NAMES)
    quote = draw(st.sampled_from("'\""))
    attributes = "".join(
        f"{draw(BETWEEN)}{key}={quote}{draw(VALUES)}{quote}"
        for key in draw(st.lists(st.sampled_from(["k", "j", "k", "q:k", "xmlns", "\u4f60"]), max_size=2))
    )
    parts = "".join(draw(st.lists(inner, max_size=5)))
    return f"<{name}{attributes}/>" if not parts and draw(st.booleans()) else f"<{name}{attributes}>{parts}</{name}>"


@st.composite
def written_documents(draw: st.DrawFn) -> str:
    """XML of many forms, seldom with other characters."""
    inside = st.recursive(TEXT_PIECES, lambda inner: written_elements(inner) | TEXT_PIECES, max_leaves=14)
    head = draw(st.sampled_from(HEADS))
    text = head + draw(written_elements(inside, "x")) + draw(st.sampled_from(["", "", "", "\n", "a"]))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        other = draw(st.sampled_from(["", "<", ">", "/", "&", ";", "]", "'", "=", "\u3000", "\r", " ", "x"]))
        text = text[:at] + other + text[at + draw(st.integers(0, 2)) :]
    return text


some_paths = st.sampled_from([(*PATHS, *MORE_PATHS), SELDOM_ASKED]).flatmap(
    lambda paths: st.lists(st.sampled_from(paths), min_size=1, unique=True)
)


@examples(600)
@given(st.lists(written_documents() | st.text(max_size=9), max_size=8), some_paths)
def test_what_is_accepted_of_xml_that_was_changed_at_random_is_right(texts: list[str], paths: list[str]):
    read(texts, paths)


plain_text = st.text(st.sampled_from("ab \n<>&'\"]\u4f60\U0001f600"), max_size=20)
trees = st.recursive(
    plain_text, lambda inner: st.lists(st.tuples(NAMES, st.booleans(), inner), min_size=1, max_size=4), max_leaves=12
)


def written(name: str, has_attribute: bool, content: Any) -> str:
    attribute = f" k={quoteattr(str(content)[:3])}" if has_attribute else ""
    inside = escape(content) if isinstance(content, str) else "".join(written(*one) for one in content)
    return f"<{name}{attribute}>{inside}</{name}>"


@examples(300)
@given(st.lists(trees, max_size=6))
def test_what_a_writer_of_xml_writes_is_accepted(contents: list[Any]):
    texts = [written("x", True, content).replace("&#10;", "") for content in contents]
    assert read(texts, ("s::xml.@k", "s::xml.u", "s::xml.l[].@k", "s::xml.t", "s::xml.m")).accepted.all()


@examples(400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(written_documents(), min_size=1, max_size=4), st.booleans(), st.integers(0, 12))
def test_xml_changed_at_random_is_read_from_no_byte_beyond_its_buffer(
    walled: Walled, texts: list[str], is_last: bool, cut: int
):
    texts = [*texts[:-1], texts[-1][: len(texts[-1]) - cut]]
    column = walled.column([text.encode() for text in texts], is_last=is_last)
    scanned = read_levels(column, fields(INNER), is_xml=True)
    expected = LevelsReader(fields(INNER))
    for text, is_accepted in zip(texts, scanned.accepted, strict=True):
        if is_accepted:
            try:
                document = parse_xml(text)
            except XmlError:
                document = None
            expected.add(document, {}, is_xml=True)
    assert as_rows(scanned.of_accepted()) == as_rows(expected.levels())


def test_a_text_that_is_no_string_is_no_document():
    values = [json.dumps({"s": one}).encode() for one in (1, None, True, ["<x/>"], {"a": "<x/>"})]
    assert assert_what_is_accepted_is_right(values, PATHS).of_accepted()[TOP].fields["s::xml.a"].null_count() == 5
