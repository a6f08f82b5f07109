"""Laws that hold for every carrier, whatever its payloads: each returns what breaks it, or None."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import polars as pl

from emberline.conformance.cases import Case
from emberline.conformance.mutations import mutated
from emberline.conformance.places import replaced, scalars
from pipelines.carriers import Carrier
from pipelines.carriers.base import (
    DECODED_SCHEMA,
    IGNORED_SCHEMA,
    NUMBERED_SCHEMA,
    REJECTED_SCHEMA,
    TOTALS_SCHEMA,
    Decoded,
)
from pipelines.carriers.texts import Texts
from pipelines.events.event_ids import MARKED, without_accounts
from pipelines.events.pseudonym import Pseudonyms
from schemas.kinds import REQUIRED
from schemas.lake import HEADERS

_TEXTS: Final = Texts(b"conformance")
_SCHEMAS: Final = {
    "events": DECODED_SCHEMA,
    "rejected": REJECTED_SCHEMA,
    "ignored": IGNORED_SCHEMA,
    "numbered": NUMBERED_SCHEMA,
    "totals": TOTALS_SCHEMA,
}
_PSEUDONYMS: Final = Pseudonyms(b"conformance")
_SMALL: Final = 999
"""Numbers up to this one may be anything, such as a type."""

_NOBODY: Final = "8765432109876543"
"""Part of an account that no payload has: a number below 2^53."""

_KEYS: Final = ("account_id", "linked_account_id", "group_id")
_IDS: Final = (*MARKED, "product_id")
_EARLIEST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Tried:
    """A carrier with its cases, and their decoded results, shared by all laws."""

    carrier: Carrier
    cases: Sequence[Case]

    @cached_property
    def headers(self) -> pl.Series:
        """The headers of the records of all cases."""
        return headers_of(self.cases)

    @cached_property
    def decoded(self) -> Decoded:
        """The results of the payloads of all cases, decoded together."""
        return batch(self.carrier, self.cases)

    @cached_property
    def with_broken(self) -> list[bytes]:
        """The payloads of all cases, then the mutations of each."""
        values = [case.value for case in self.cases]
        return values + [broken for value in values for broken in mutated(value)]

    @cached_property
    def decoded_with_broken(self) -> Decoded:
        """The results of the payloads and their mutations, decoded together row by row."""
        return self.carrier.decode(self.with_broken)


Law = Callable[[Tried], str | None]


def batch(carrier: Carrier, cases: Sequence[Case]) -> Decoded:
    """Decode the payloads of cases together."""
    return carrier.decode([case.value for case in cases], headers_of(cases))


def of_row(decoded: Decoded, row: int) -> Decoded:
    """Return the result of one payload."""
    of_row = pl.col("row") == row
    return Decoded(*(part.filter(of_row) for part in decoded.parts))


def headers_of(cases: Sequence[Case]) -> pl.Series:
    """The headers of the records of cases."""
    return pl.concat([pl.Series(dtype=HEADERS), *(case.header_column for case in cases)])


def every_payload_is_in_one_place(tried: Tried) -> str | None:
    """Each payload has events, is rejected or is ignored: exactly one of these, also next to broken payloads."""
    return _in_one_place(tried.with_broken, tried.decoded_with_broken)


def _in_one_place(values: Sequence[bytes], decoded: Decoded) -> str | None:
    decoded_rows = {*decoded.events["row"], *decoded.rejected["row"]}
    ignored = decoded.ignored["row"].to_list()
    if decoded_rows & set(ignored) or len(decoded_rows) + len(ignored) != len(values):
        return f"{len(values)} payloads: {len(decoded_rows)} with events or rejected, {len(ignored)} ignored"
    if decoded.rejected["row"].n_unique() != decoded.rejected.height:
        return "a payload is rejected twice"
    return None


def any_batch_has_all_columns(tried: Tried) -> str | None:
    """The results of a batch of all payloads, and of an empty one, have the columns and types of the contract."""
    for some in (Tried(tried.carrier, ()), tried):
        values = [case.value for case in some.cases]
        by_columns = some.carrier.decode_column(pl.Series(values, dtype=pl.Binary), some.headers)
        for decoded in (some.decoded, by_columns):
            for name, schema in _SCHEMAS.items():
                if (found := getattr(decoded, name).schema) != schema:
                    others = dict(found.items() ^ schema.items())
                    return f"{name} of {len(values)} payloads have other columns: {others}"
    return None


def any_split_gives_the_same(tried: Tried) -> str | None:
    """A batch gives the same results as its parts of one payload, of two, of three and so on."""
    start, size = 0, 1
    while start < len(tried.cases):
        part = batch(tried.carrier, tried.cases[start : start + size])
        for name in _SCHEMAS:
            expected = getattr(tried.decoded, name).filter(pl.col("row").is_between(start, start + size - 1))
            if not expected.equals(getattr(part, name).with_columns(pl.col("row") + start)):
                return f"{name} of payloads {start} to {start + size - 1} are others in a batch"
        start, size = start + size, size + 1
    return None


def columns_equal_rows(tried: Tried) -> str | None:
    """`decode_column` gives the same as `decode`, on cases and on broken payloads."""
    by_columns = tried.carrier.decode_column(pl.Series(tried.with_broken, dtype=pl.Binary))
    return _the_same(tried.with_broken, tried.decoded_with_broken, by_columns)


def wrong_payloads_are_taken(carrier: Carrier, values: Sequence[bytes], headers: pl.Series) -> str | None:
    """Each payload, however wrong, has one result, by rows and by columns; and so has its measured form."""
    for those in (values, carrier.measured(values, _TEXTS)):
        by_rows = carrier.decode(those, headers)
        by_columns = carrier.decode_column(pl.Series(those, dtype=pl.Binary), headers)
        if breach := _in_one_place(those, by_rows) or _the_same(those, by_rows, by_columns):
            return breach
    return None


def _the_same(values: Sequence[bytes], by_rows: Decoded, by_columns: Decoded) -> str | None:
    for name in _SCHEMAS:
        rows, columns = getattr(by_rows, name), getattr(by_columns, name)
        if rows.equals(columns):
            continue
        first = next(
            (row for row in range(len(values)) if not rows.filter(row=row).equals(columns.filter(row=row))), None
        )
        return f"{name} differ" if first is None else f"{name} of {values[first]!r} differ"
    return None


def delivered_twice_is_one(tried: Tried) -> str | None:
    """A payload that is delivered again gives events of the same identity, and no two events of a payload share one."""
    once, again = tried.decoded.events, batch(tried.carrier, tried.cases).events
    identity = ["source", "event_id"]
    if not once.select(identity).equals(again.select(identity)):
        return "the second delivery has other identities"
    for _, of_payload in once.group_by("row"):
        if of_payload.select(identity).n_unique() != of_payload.height:
            return f"two events of one payload are {of_payload.select(identity).row(0)}"
    return None


def order_makes_no_difference(tried: Tried) -> str | None:
    """Payloads in another order give the same set of events."""
    straight, turned = (
        sorted(map(repr, decoded.events.drop("row").rows()))
        for decoded in (tried.decoded, batch(tried.carrier, tried.cases[::-1]))
    )
    return None if straight == turned else "the events are others"


def what_a_kind_needs_is_there(tried: Tried) -> str | None:
    """An event has an identity, a time or the mark that it has none, a role, and the fields that its kind needs."""
    for event in tried.decoded.events.to_dicts():
        needed = ["source", "event_id", "role", "time_quality", *REQUIRED.get(event["type"], ())]
        if event["time_quality"] != "arrival":
            needed.append("time")
        if missing := [name for name in needed if event[name] is None]:
            return f"{event['type']} {event['event_id']} has no {missing[0]}"
        if event["type"] not in REQUIRED:
            return f"{event['type']} is no kind of event"
        if event["time"] is not None and event["time"] < _EARLIEST:
            return f"{event['event_id']} is of {event['time']}"
    return None


def no_text_leaves(tried: Tried) -> str | None:
    """No column contains a text that a person wrote; a measured payload gives the same events without it."""
    measured = tried.carrier.measured([case.value for case in tried.cases], _TEXTS)
    if not tried.carrier.decode(measured, tried.headers).events.equals(tried.decoded.events):
        return "measures in the place of texts give other events"
    return None


def large_numbers_survive(tried: Tried) -> str | None:
    """An id beyond 2^53 keeps every digit."""
    places = [
        (case, place, number)
        for case in tried.cases
        for place, number in scalars(case.payload)
        if isinstance(number, int) and number > _SMALL
    ]
    if not places:
        return None
    values = [msgspec.json.encode(replaced(case.payload, place, 2**53 + 1)) for case, place, _ in places]
    headers = headers_of([case for case, _, _ in places])
    enlarged = tried.carrier.decode(values, headers).events.partition_by("row", as_dict=True)
    known = tried.decoded.events.partition_by("row", as_dict=True)
    row_of = {id(case): row for row, case in enumerate(tried.cases)}
    for row, (case, _, number) in enumerate(places):
        before, after = known.get((row_of[id(case)],)), enlarged.get((row,))
        # A number that no time can be takes its event away.
        if before is None or after is None or before.height != after.height:
            continue
        for name in ("event_id", "message_id", "group_id", "account_id", "order_id", "reply_to"):
            for old, new in zip(before[name], after[name], strict=True):
                if old and new and str(number) in old and old != new and str(2**53 + 1) not in new:
                    return f"{case.name}: {name} became {new}"
    return None


def accounts_stay_out_of_ids(tried: Tried) -> str | None:
    """A place that gives an account gives no id that is stored in clear, unless it gives the group's as well."""
    places = [(case, place, found) for case in tried.cases for place, found in scalars(case.payload)]
    if not places:
        return None
    changed = [
        msgspec.json.encode(replaced(case.payload, place, int(_NOBODY) if isinstance(found, int) else found + _NOBODY))
        for case, place, found in places
    ]
    events = tried.carrier.decode(changed, headers_of([case for case, *_ in places])).events
    stored = without_accounts(events.filter(pl.col("event_id").is_not_null()), _PSEUDONYMS)
    has = {name: pl.col(name).str.contains(_NOBODY, literal=True).fill_null(value=False) for name in _KEYS}
    of_account = has["account_id"] | has["linked_account_id"]
    for name in _IDS:
        names = pl.col(name).str.contains(_NOBODY, literal=True)
        for event in stored.filter(of_account & ~has["group_id"] & names).to_dicts():
            case, place, _ = places[event["row"]]
            return f"{case.name}: {'.'.join(map(str, place))} is an account, and in {name} of {event['type']}"
    return None


LAWS: Final[tuple[Law, ...]] = (
    every_payload_is_in_one_place,
    any_split_gives_the_same,
    any_batch_has_all_columns,
    columns_equal_rows,
    delivered_twice_is_one,
    order_makes_no_difference,
    what_a_kind_needs_is_there,
    no_text_leaves,
    large_numbers_survive,
    accounts_stay_out_of_ids,
)
