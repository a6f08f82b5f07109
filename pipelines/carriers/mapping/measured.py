"""Payloads without the texts that people wrote: their measures stand in their place.

The measures are those that the mapping would take of the text, so that both forms of a payload give the same event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import msgspec
import polars as pl

from pipelines.carriers.mapping.expressions import Scope, condition
from pipelines.carriers.mapping.measures import MEASURES, measures, texts_of
from pipelines.carriers.mapping.model import CarrierMapping, Text
from pipelines.carriers.mapping.paths import TOP, segments
from pipelines.carriers.mapping.rows import STRING, fields_of, parse_payload, read_rows
from pipelines.carriers.texts import Texts

_FILTER: Final = re.compile(r"\[[^\[\]]+\]")


@dataclass(frozen=True)
class _Found:
    """A text in a payload: the object or list that holds it, and its name or place there."""

    payload: int
    holder: Any
    name: str | int
    text: str


class TextPlaces:
    """Where the texts of a carrier's payloads stand."""

    def __init__(self, mapping: CarrierMapping) -> None:
        """Read the places of a mapping."""
        self._mapping = mapping
        self._specs = _specs(mapping)
        self._scope = Scope(patterns=mapping.patterns)
        self._keeps = [condition(when, self._scope) for when in mapping.keeps]
        self._fields = fields_of(path for path in self._scope.paths.values() if path.level == TOP)

    def measured(self, values: Sequence[bytes], of_company: Texts) -> list[bytes]:
        """Put measures in the place of texts. What is no payload, or has no text, stays as it is.

        Args:
            values: payloads.
            of_company: hashes texts.
        """
        is_xml = self._mapping.format == "xml"
        parsed = [parse_payload(value, is_xml=is_xml) for value in values]
        kept = self._kept(values)
        changed: set[int] = set()
        opened: list[_Found] = []
        for spec in self._specs:
            found = [
                one
                for number, payload in enumerate(parsed)
                if isinstance(payload, dict) and number not in kept
                for one in _texts(number, payload, _parts(spec.of), opened)
            ]
            for one, measured in zip(found, self._measure(spec, [one.text for one in found], of_company), strict=True):
                one.holder[one.name] = measured
                changed.add(one.payload)
        for one in reversed(opened):
            one.holder[one.name] = msgspec.json.encode(one.holder[one.name]).decode()
        return [_written(payload, is_xml=is_xml) if n in changed else values[n] for n, payload in enumerate(parsed)]

    def _kept(self, values: Sequence[bytes]) -> set[int]:
        if not self._keeps:
            return set()
        rows, levels, _ = read_rows(values, self._fields, is_xml=self._mapping.format == "xml")
        holds = levels[TOP].fields.select(keep=pl.any_horizontal(self._keeps))["keep"]
        return {row for row, keep in zip(rows, holds, strict=True) if keep}

    def _measure(self, spec: Text, texts: Sequence[str], of_company: Texts) -> Iterator[dict[str, Any]]:
        scope = Scope(patterns=self._mapping.patterns)
        measured = measures(Text(of="text", strip=spec.strip, markup=spec.markup), scope)
        frame = pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_columns(
            pl.lit(STRING, pl.UInt8).alias("text:kind"),
            *(pl.lit(None, pl.String).alias(name) for name in scope.paths if name != "text"),
        )
        taken = frame.select(**measured.counts, rest=measured.cleaned)
        for text, (*counts, rest) in zip(texts, taken.iter_rows(), strict=True):
            found = {**dict(zip(MEASURES, counts, strict=True)), "hash": of_company.hash(rest)}
            if spec.strip is not None and rest != text and text.endswith(rest):
                found["head"] = text[: len(text) - len(rest)]
            yield found


def _parts(path: str) -> tuple[str, ...]:
    """The steps of a path with any number of lists: names, and `[]` for each element."""
    steps: list[str] = []
    for place, part in enumerate(path.split("[]")):
        if place:
            steps.append("[]")
        if part := part.removeprefix("."):
            steps += segments(part)
    return tuple(steps)


def _texts(payload: int, value: Any, parts: Sequence[str], opened: list[_Found]) -> Iterator[_Found]:
    """Each text at a path. A string whose JSON the path enters is replaced by what it holds, and noted as opened."""
    name, *rest = parts
    if name == "[]":
        places: Any = range(len(value)) if isinstance(value, list) else ()
    else:
        places = [name] if isinstance(value, dict) and name in value else ()
    for place in places:
        if rest[:1] == ["::json"]:
            _open(payload, value, place, opened)
            rest = rest[1:]
        inner = value[place]
        if rest:
            yield from _texts(payload, inner, rest, opened)
        elif isinstance(inner, str):
            yield _Found(payload, value, place, inner)


def _open(payload: int, holder: Any, name: Any, opened: list[_Found]) -> None:
    if isinstance(text := holder[name], str):
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            holder[name] = msgspec.json.decode(text)
            opened.append(_Found(payload, holder, name, text))


def _specs(mapping: CarrierMapping) -> list[Text]:
    """The places of texts: those that the mapping lists, and those that its events are measured by."""
    listed = [one if isinstance(one, Text) else Text(of=one) for one in mapping.texts]
    of_events = [text for case in mapping.cases for event in case.emit for text in texts_of(event.text)]
    found: dict[str, Text] = {}
    for one in (*listed, *(text if isinstance(text, Text) else Text(of=text) for text in of_events)):
        place = _FILTER.sub("[]", one.of.strip("{}"))
        if place not in found or one.strip is not None or one.markup != "none":
            found[place] = msgspec.structs.replace(one, of=place)
    return list(found.values())


def _written(payload: Any, *, is_xml: bool) -> bytes:
    return _element("xml", payload).encode() if is_xml else msgspec.json.encode(payload)


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if not isinstance(value, dict):
        return f"<{name}>{escape(str(value))}</{name}>"
    attributes = "".join(f" {key[1:]}={quoteattr(inner)}" for key, inner in value.items() if key.startswith("@"))
    text = escape(value.get("#", ""))
    children = "".join(_element(key, inner) for key, inner in value.items() if key[0] not in "@#")
    return f"<{name}{attributes}>{text}{children}</{name}>"
