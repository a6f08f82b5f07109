"""A rule on rows of the warehouse: SQL that returns the rows that break it, and how to check changed rows only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

BATCH: Final = "batch"
"""Placeholder for the table of the rule's suite, in queries and in `Rule.by`."""

ONE: Final = "<one>"
"""Placeholder in queries of `Rule.sums` for what a row counts: 1, or -1 for a row that is deleted."""


@dataclass(frozen=True)
class Rule:
    """A rule, and how to check it on the changed rows only.

    Attributes:
        query: Its rows break the rule.
        by: The columns, as SQL, that divide the rows of `BATCH` and of the tables that the query names into parts: the
            rule holds if it holds within each part. Empty: each row is a part.
        whole: Further small tables that the query names and that are not divided, with the columns it reads. If such a
            value is added or removed, all parts are checked.
        refers_to: The table that only needs to have a row for each part; None: all rows of a part count.
        sums: The columns of `BATCH` and of other tables that the query only sums; empty for a table whose rows it only
            counts with `ONE`. If the sum was right before and the changes sum to 0, it is still right. For parts that
            grow with history.
    """

    query: str
    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refers_to: str | None = None
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def of_all_rows(self) -> str:
        """The query over whole tables, in which each row counts once."""
        return self.query.replace(ONE, "1")
