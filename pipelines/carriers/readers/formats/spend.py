"""A table of costs, CSV: what the company spent on which day, on a group or a campaign.

    day,amount,currency,group_id,campaign
    2026-03-02,120.50,CNY,wecom:wrA1,spring

`amount` is in units of the currency. `group_id` and `campaign` may be empty, or missing. `--column NAME=COLUMN` says
which columns another table has. Payloads are canonical events `spend.recorded`. The same row has the same id in every
table, so that a table may be imported again when it has grown; two equal rows in a table are two costs.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from pipelines.carriers.readers import csv_rows
from pipelines.carriers.readers.base import (
    Batch,
    Capabilities,
    Payloads,
    Reader,
    ReadOptions,
    Sniffed,
    UnreadableExport,
)
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.occurrences import Occurrences
from pipelines.carriers.readers.source import Source
from schemas.currencies import CURRENCIES
from schemas.kinds import MOST_MINOR, SPEND_RECORDED

SOURCE: Final = "spend"

_NEEDED: Final = ("day", "amount", "currency")
_GIVEN: Final = (*_NEEDED, "group_id", "campaign")
_BAD: Final = "rows without a day, an amount and a currency"


class Spend(Reader):
    """Reader of tables of costs."""

    name = "spend"
    title = "a table of costs"
    carrier = "cloudevents"
    capabilities = Capabilities("aggregate", "none", replies=False, limits=("It has costs only, and no chats.",))

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise a table by columns that have these names."""
        names = () if source.is_container else csv_rows.header_of(source)
        known = [name for name in _GIVEN if name in names]
        if not set(_NEEDED) < set(known):
            return None
        return Sniffed((f"a table with the columns {', '.join(known)}",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read rows in blocks."""
        if unknown := [name for name in options.columns if name not in _GIVEN]:
            raise UnreadableExport(
                f"There is no {unknown[0]!r} in a table of costs.",
                f"Say it with --column NAME=COLUMN, where NAME is one of {', '.join(_GIVEN)}.",
                source.place,
            )
        where = {name: options.columns.get(name, name) for name in _GIVEN}
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch, occurrences = Batch(repairs), Occurrences(options.texts)
        needed = {where[name] for name in _NEEDED} | set(options.columns.values())
        for rows in csv_rows.frames(source, repairs, progress, sorted(needed)):
            for row in rows.iter_rows(named=True):
                event = _event({name: (row.get(column) or "").strip() for name, column in where.items()}, options)
                if event is None:
                    batch.skipped[_BAD] += 1
                    continue
                key = occurrences.identity(event["time"], *event["data"].values())
                batch.add(key, msgspec.json.encode({**event, "id": key}))
            yield batch.take(progress.done)


def _event(row: Mapping[str, str], options: ReadOptions) -> dict[str, Any] | None:
    """Convert a row to an event without its id; None if it has no day, amount or currency."""
    minor = _minor(row["amount"], row["currency"])
    try:
        day = dt.date.fromisoformat(row["day"].replace("/", "-"))
    except ValueError:
        return None
    if minor is None:
        return None
    return {
        "specversion": "1.0",
        "source": SOURCE,
        "type": SPEND_RECORDED,
        "time": dt.datetime.combine(day, dt.time(), options.zone).isoformat(),
        "data": {
            "group_id": row["group_id"] or None,
            "campaign": row["campaign"] or None,
            "total_minor": minor,
            "currency": row["currency"],
        },
    }


def _minor(amount: str, currency: str) -> int | None:
    """Convert an amount to minor units; None if it is no number, has too many decimals, or is negative."""
    digits = CURRENCIES[currency].minor_digits if currency in CURRENCIES else None
    if digits is None:
        return None
    try:
        minor = Decimal(amount).scaleb(digits)
    except InvalidOperation:
        return None
    is_whole = minor.is_finite() and 0 <= minor <= MOST_MINOR and minor == minor.to_integral_value()
    return int(minor) if is_whole else None


READER = Spend()
