"""What is read of payloads: the scalars at their places, as text, in a table for each of their levels.

A payload is a row of the top level, and each element of a list a row of the list's level.
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
"""How a kind of value is called in a reason."""

KIND: Final = ":kind"
"""Behind the name of a field: the column of its kinds."""


@dataclass(frozen=True)
class Level:
    """A table of fields: of the payloads, or of the elements of a list in them or in the elements of another list.

    Attributes:
        fields: two columns a field: its name (String: the text of a scalar as it is written, else null) and `name:kind`
            (UInt8, one of the constants of this module).
        parent: UInt32, the row of the level above that an element is of (`mapping.paths.above`); the payload itself at
            the top.
        index: UInt32, the element's place in its list, from 0.
    """

    fields: pl.DataFrame
    parent: pl.Series
    index: pl.Series


Levels = Mapping[str, Level]
"""By name: `mapping.paths.TOP` for payloads, `users[]` for the elements of the list `users`."""
