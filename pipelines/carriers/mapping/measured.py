"""Replace the texts that people wrote in payloads by measures of the texts.

The measures are those that the mapping would take of the text, so that both forms of a payload give the same event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
import polars as pl

from pipelines.carriers.levels import STRING
from pipelines.carriers.mapping.expressions import condition
from pipelines.carriers.mapping.measures import MEASURES, measures, texts_of
from pipelines.carriers.mapping.model import CarrierMapping, Text
from pipelines.carriers.mapping.paths import AS_JSON, AS_XML, TOP, Elements, steps, without_filters
from pipelines.carriers.mapping.rows import (
    MALFORMED,
    PARSERS,
    fields_of,
    is_meant,
    is_written_as_xml,
    parse_payload,
    read_rows,
)
from pipelines.carriers.mapping.scope import Scope
from pipelines.carriers.texts import Texts


@dataclass(frozen=True)
class _Found:
    """A text in a payload: the object or list that contains it, and its name or index there."""

    payload: int
    holder: Any
    name: str | int
    text: str


class TextPlaces:
    """The places of texts in a carrier's payloads, and their replacement by measures."""

    def __init__(self, mapping: CarrierMapping) -> None:
        """Find the places of texts in a mapping."""
        self._mapping = mapping
        self._specs = _specs(mapping)
        self._scope = Scope(patterns=mapping.patterns, fields=mapping.fields)
        self._keeps = [condition(when, self._scope) for when in mapping.keeps]
        self._fields = fields_of(path for path in self._scope.paths.values() if path.level == TOP)

    def measured(self, values: Sequence[bytes], of_company: Texts) -> list[bytes]:
        """Replace texts by their measures. Values that are not payloads, or have no text, are returned unchanged.

        Args:
            values: Payloads.
            of_company: How texts are measured, with the company's key for hashes.
        """
        parsed = [parse_payload(value, self._mapping.format) for value in values]
        kept = self._kept(values)
        changed: set[int] = set()
        for spec in self._specs:
            found = [
                one
                for number, payload in enumerate(parsed)
                if isinstance(payload, dict) and number not in kept
                for one in _texts(number, payload, steps(spec.of))
            ]
            for one, measured in zip(found, self._measure(spec, [one.text for one in found], of_company), strict=True):
                one.holder[one.name] = measured
                changed.add(one.payload)
        return [
            _written(parsed[number], is_xml=is_written_as_xml(value, self._mapping.format)).encode()
            if number in changed
            else value
            for number, value in enumerate(values)
        ]

    def _kept(self, values: Sequence[bytes]) -> set[int]:
        if not self._keeps:
            return set()
        rows, levels, _ = read_rows(values, self._fields, written_as=self._mapping.format)
        asked = {name for one in self._keeps for name in one.meta.root_names()}
        fields = self._scope.with_fields(levels[TOP].fields, asked)
        holds = fields.select(keep=pl.any_horizontal(self._keeps))["keep"]
        return {row for row, keep in zip(rows, holds, strict=True) if keep}

    def _measure(self, spec: Text, texts: Sequence[str], of_company: Texts) -> Iterator[dict[str, Any]]:
        scope = Scope(patterns=self._mapping.patterns)
        measured = measures(Text(of="text", strip=spec.strip, markup=spec.markup), scope)
        frame = pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_columns(
            pl.lit(STRING, pl.UInt8).alias("text:kind"),
            *(pl.lit(None, pl.String).alias(name) for name in scope.paths if name != "text"),
        )
        marks = [pl.col("text").str.extract_all(one).list.join(" ") for one in scope.expressions(spec.marks or [])]
        side_by_side = pl.concat_str(marks, separator=" ").str.strip_chars(" ") if marks else pl.lit("")
        taken = frame.select(**measured.counts, rest=measured.cleaned, marks=side_by_side)
        # What is taken off elsewhere may hold words.
        is_head = spec.strip is not None and all(one.startswith(("^", r"\A")) for one in scope.expressions(spec.strip))
        for text, (*counts, rest, kept) in zip(texts, taken.iter_rows(), strict=True):
            found = {**dict(zip(MEASURES, counts, strict=True)), "hash": of_company.hash(rest)}
            if is_head and rest != text and text.endswith(rest):
                found["head"] = text[: len(text) - len(rest)]
            if kept:
                found["marks"] = kept
            yield found


class _Document:
    """A string parsed as JSON or XML, so that texts in it can be replaced; `head` is the text before the document."""

    # No dataclass: those msgspec would write as objects.
    def __init__(self, head: str, content: Any, *, is_xml: bool) -> None:
        self.head = head
        self.content = content
        self.is_xml = is_xml

    def written(self) -> str:
        return self.head + _written(self.content, is_xml=self.is_xml)


def _texts(payload: int, value: Any, parts: Sequence[str | Elements]) -> Iterator[_Found]:
    """Yield each text at a path. A string that the path enters is replaced by the parsed document if it has a text."""
    name, *rest = parts
    if isinstance(name, Elements) and isinstance(value, dict) and rest:
        yield from _texts(payload, value, rest)
        return
    for place in _places(value, name):
        inner = value[place]
        if len(rest) > 1 and rest[0] in (AS_JSON, AS_XML):
            document = _document(inner, str(rest[0]))
            if document and (found := list(_texts(payload, document.content, rest[1:]))):
                value[place] = document
                yield from found
        elif rest:
            yield from _texts(payload, inner, rest)
        elif isinstance(inner, str):
            yield _Found(payload, value, place, inner)


def _specs(mapping: CarrierMapping) -> list[Text]:
    """Return the places of texts: those that the mapping lists, and the texts of its events.

    Places within a document come before the string that contains the document.
    """
    listed = [one if isinstance(one, Text) else Text(of=one) for one in mapping.texts]
    of_events = [text for case in mapping.cases for event in case.emit for text in texts_of(event.text)]
    found: dict[str, Text] = {}
    for one in listed:
        found[without_filters(one.of)] = one
    for one in (text if isinstance(text, Text) else Text(of=text) for text in of_events):
        name = one.of.strip("{}")
        named = mapping.fields.get(name, name)
        for path in [named] if isinstance(named, str) else named:
            place = without_filters(path)
            if place not in found or one.strip is not None or one.marks is not None or one.markup != "none":
                of = found[place].of if place in found else place
                found[place] = msgspec.structs.replace(one, of=of)
    return sorted(found.values(), key=lambda one: not _enters(one.of))


def _enters(path: str) -> bool:
    return any(step in PARSERS for step in steps(path))


def _places(value: Any, step: str | Elements) -> Sequence[Any]:
    if isinstance(step, Elements):
        return [n for n, one in enumerate(value) if is_meant(one, step)] if isinstance(value, list) else ()
    return [step] if isinstance(value, dict) and step in value else ()


def _document(value: Any, form: str) -> _Document | None:
    if not isinstance(value, str):
        return value if isinstance(value, _Document) else None
    try:
        content = PARSERS[form](value)
    except MALFORMED:
        return None
    is_xml = form == AS_XML
    return _Document(value[: max(value.find("<"), 0)] if is_xml else "", content, is_xml=is_xml)


def _written(payload: Any, *, is_xml: bool) -> str:
    if is_xml:
        return _element("xml", payload)
    return msgspec.json.encode(payload, enc_hook=_Document.written).decode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, _Document):
        value = value.written()
    if not isinstance(value, dict):
        return f"<{name}>{escape(str(value))}</{name}>"
    attributes = "".join(f" {key[1:]}={quoteattr(inner)}" for key, inner in value.items() if key.startswith("@"))
    text = escape(value.get("#", ""))
    children = "".join(_element(key, inner) for key, inner in value.items() if key[0] not in "@#")
    return f"<{name}{attributes}>{text}{children}</{name}>"
