"""What is kept of a text: its length, links and mentions, and a keyed hash for near-duplicates; never the text.

What emberline itself brings into Kafka has measures in the place of its texts: an object of these fields. A mapping
reads either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers.mapping.expressions import Scope, fault
from pipelines.carriers.mapping.model import Text
from pipelines.carriers.mapping.rows import BOOLEAN, FRACTION, INTEGER, LIST, STRING

LINK: Final = r"https?://[^\s<>\"']+"
_TAG: Final = r"<[^<>]*>"
_ENTITY: Final = r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});"
MEASURES: Final = ("length", "links", "mentions")


@dataclass(frozen=True)
class Measured:
    """Expressions: the text that counts, and its measures, Int64 each, null where there is no text."""

    cleaned: pl.Expr
    length: pl.Expr
    links: pl.Expr
    mentions: pl.Expr
    faults: tuple[tuple[pl.Expr, pl.Expr], ...]


def measures(asked: str | Text, scope: Scope) -> Measured:
    """Measure a text, or take the measures that stand in its place."""
    spec = asked if isinstance(asked, Text) else Text(of=asked.strip("{}"))
    place = spec.of.strip("{}")
    text, kind = scope.text(place), scope.kind(place)
    given = {name: scope.text(scope.path(place).sub(name).text).cast(pl.Int64, strict=False) for name in MEASURES}
    cleaned = text
    for expression in scope.expressions(spec.strip or []):
        cleaned = cleaned.str.replace_all(expression, "")
    links = cleaned.str.count_matches(LINK)
    if spec.markup == "tags":
        links = cleaned.str.count_matches(r"<(?:a|link)\s[^<>]*href=") + cleaned.str.replace_all(
            _TAG, " "
        ).str.count_matches(LINK)
        cleaned = cleaned.str.replace_all(_TAG, "").str.replace_all(_ENTITY, "&")
    is_text = kind == STRING
    return Measured(
        cleaned=cleaned,
        length=pl.when(is_text).then(cleaned.str.len_chars().cast(pl.Int64)).otherwise(given["length"]),
        links=pl.when(is_text).then(links.cast(pl.Int64)).otherwise(given["links"]),
        mentions=given["mentions"],
        faults=(fault(place, scope, (INTEGER, FRACTION, BOOLEAN, LIST), "a text"),),
    )
