"""Fields read from payloads: scalars as text, in a table per level.

A payload is a row of the top level, and each element of a list is a row of the list's level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

MISSING: Final = 0
NULL: Final = 1
STRING: Final = 2
INTEGER: Final = 3
FRACTION: Final = 4
BOOLEAN: Final = 5
OBJECT: Final = 6
LIST: Final = 7

WORDS: Final = ("nothing", "null", "text", "a whole number", "a fraction", "true or false", "an object", "a list")
"""Names of kinds of values in reasons."""

KIND: Final = ":kind"
"""Suffix of the column with the kinds of a field."""


@dataclass(frozen=True)
class Level:
    """A table of fields of payloads, or of the elements of a list.

    Attributes:
        fields: Two columns per field: its name (String: the unchanged text of a scalar, else null) and `name:kind`
            (UInt8, one of the constants of this module).
        parent: UInt32, the element's row in the level above (`mapping.paths.above`); at the top the payload itself.
        index: UInt32, the element's position in its list, from 0.
    """

    fields: pl.DataFrame
    parent: pl.Series
    index: pl.Series


Levels = Mapping[str, Level]
"""Levels by name: `mapping.paths.TOP` for payloads, `users[]` for the elements of the list `users`."""
