"""What is kept of a text: its length, links and mentions, and a keyed hash for near-duplicates; never the text.

Payloads that emberline itself sends to Kafka have measures instead of texts: an object of these fields. A mapping
reads both forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers.levels import BOOLEAN, FRACTION, INTEGER, LIST, STRING
from pipelines.carriers.mapping.expressions import fault
from pipelines.carriers.mapping.model import Text
from pipelines.carriers.mapping.scope import SEPARATOR, Scope
from pipelines.carriers.texts import LINK, MENTION

_TAG: Final = r"<[^<>]*>"
_AT_TAG: Final = r"<(?:at|mention)[\s/>]"
_LINK_TAG: Final = r"<(?:a|link)\s[^<>]*href="
_ENTITY: Final = r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});"
MEASURES: Final = ("length", "links", "mentions")


@dataclass(frozen=True)
class Measured:
    """Expressions: the text that counts, and its measures, Int64 each, null where there is no text."""

    cleaned: pl.Expr
    counts: dict[str, pl.Expr]
    faults: tuple[tuple[pl.Expr, pl.Expr], ...]


def texts_of(asked: str | Text | list[str | Text] | None) -> list[str | Text]:
    """Return the texts that a mapping names, one or several, as a list."""
    return asked if isinstance(asked, list) else [] if asked is None else [asked]


def measures(asked: str | Text | list[str | Text], scope: Scope) -> Measured:
    """Measure a text, or read the measures that replaced it; of several texts the first that is not empty."""
    parts = [_measures(one, scope) for one in texts_of(asked)]
    return parts[0] if len(parts) == 1 else _first(parts)


def _first(parts: Sequence[Measured]) -> Measured:
    is_filled = [part.counts["length"] > 0 for part in parts]

    def chosen(values: Sequence[pl.Expr]) -> pl.Expr:
        return pl.coalesce(*map(_where, is_filled, values), *values)

    return Measured(
        chosen([part.cleaned for part in parts]),
        {name: chosen([part.counts[name] for part in parts]) for name in MEASURES},
        tuple(one for part in parts for one in part.faults),
    )


def _where(holds: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(holds).then(value)


def _measures(asked: str | Text, scope: Scope) -> Measured:
    spec = asked if isinstance(asked, Text) else Text(of=asked)
    place = spec.of.strip("{}")
    text, is_joined = scope.parts(place)
    for expression in scope.expressions(spec.strip or []):
        text = text.str.replace_all(expression, "")
    text = scope.once(text)
    if spec.markup == "tags":
        cleaned = text.str.replace_all(_TAG, "").str.replace_all(_ENTITY, "&")
        links = text.str.count_matches(_LINK_TAG) + text.str.replace_all(_TAG, " ").str.count_matches(LINK)
        mentions = text.str.count_matches(_AT_TAG)
    else:
        cleaned, links, mentions = text, text.str.count_matches(LINK), text.str.count_matches(MENTION)
    length = (cleaned.str.replace_all(SEPARATOR, "", literal=True) if is_joined else cleaned).str.len_chars()
    is_text = scope.kind(place) == STRING
    counted = dict(zip(MEASURES, (length, links, mentions), strict=True))
    return Measured(
        cleaned,
        {
            name: pl.when(is_text)
            .then(counted[name].cast(pl.Int64))
            .otherwise(scope.below(place, name).cast(pl.Int64, strict=False))
            for name in MEASURES
        },
        (fault(place, scope, (INTEGER, FRACTION, BOOLEAN, LIST), "a text"),),
    )
