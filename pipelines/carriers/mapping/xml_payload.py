"""XML documents as the objects that a mapping's paths walk: `<a><b c="1">x</b></a>` is `{"b": {"@c": "1", "#": "x"}}`.

The root's name is left out. An element without attributes and children is its text; one that is repeated is a list.
"""

from __future__ import annotations

from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, fromstring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring as parse_guarded

_DOCUMENT_TYPE: Final = "<!DOCTYPE"
"""Without one nothing can be defined, so that a text without these letters is safe for the compiled parser. Bytes may
be of an encoding in which they look otherwise."""


class XmlError(ValueError):
    """A text is not XML, or has what no payload needs: a document type, entities, references to other files."""


def parse_xml(text: str | bytes) -> Any:
    """Parse an XML document; in a `str`, everything before the first `<` is skipped.

    Raises:
        XmlError: It is not XML, or has a document type, entities or references to files.
    """
    if isinstance(text, str):
        text = text[max(text.find("<"), 0) :]
    try:
        if isinstance(text, str) and _DOCUMENT_TYPE not in text:
            return _object(fromstring(text))  # noqa: S314
        return _object(parse_guarded(text, forbid_dtd=True))
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise XmlError(str(error)) from error


def _object(element: Element) -> Any:
    found: dict[str, Any] = {f"@{name}": value for name, value in element.attrib.items()}
    for child in element:
        value = _object(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    text = (element.text or "").strip()
    if not found:
        return text
    if text:
        found["#"] = text
    return found
