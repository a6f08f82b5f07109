"""XML in strings is read by the compiled parser as by the guarded one, which refuses what a sender could define."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import ParseError

import pytest
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.mapping.xml_payload import XmlError, _object, parse_xml
from tests.examples import examples

PIECES = (
    "<a>", "</a>", "<b c='1'>", "</b>", "<q:b xmlns:q='u' q:c='2'/>", "<a/>", "x", " ", "\u3000", "&lt;", "&#20320;",
    "&foo;", "<![CDATA[<!DOCTYPE a>]]>", "]]>", "<!-- c -->", "<?p i?>", "\r\n", "\x01", "<!doctype a>",
    "<?xml version='1.0' encoding='gb2312'?>", "<!DOCTYPE a>", "<!DOCTYPE a [<!ENTITY foo 'f'>]>", "\ud800",
)  # fmt: skip


def guarded(text: str) -> Any:
    try:
        return _object(fromstring(text[max(text.find("<"), 0) :], forbid_dtd=True))
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        return str(error)


def read(text: str) -> Any:
    try:
        return parse_xml(text)
    except XmlError as error:
        return str(error)


@examples(1_000)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.booleans())
def test_a_text_is_read_as_the_guarded_parser_reads_it(inside: str, is_whole: bool):
    text = f"<r>{inside}</r>" if is_whole else inside
    assert read(text) == guarded(text)


@pytest.mark.parametrize("text", ["<!DOCTYPE a><a/>", "who:\n<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_a_document_type_is_refused(text: str):
    with pytest.raises(XmlError, match="DTDForbidden"):
        parse_xml(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_bytes_of_any_encoding(encoding: str):
    with pytest.raises(XmlError, match="DTDForbidden"):
        parse_xml("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode(encoding))
