"""Checks a carrier by its cases and by the laws that hold for every carrier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from emberline.conformance.cases import Case
from emberline.conformance.laws import LAWS, Tried, headers_of, of_row, wrong_payloads_are_taken
from emberline.conformance.mutations import drawn
from pipelines.carriers import Carrier
from pipelines.carriers.base import Decoded

_AT_ONCE: Final = 2_000


class Broken(AssertionError):
    """A carrier breaks a case or a law; the message names it and the difference."""


def check(carrier: Carrier, cases: Sequence[Case]) -> None:
    """Check a carrier by its cases, and by each law on these.

    Raises:
        Broken: A case or a law does not hold; the first one is reported.
    """
    tried = Tried(carrier, cases)
    for row, case in enumerate(cases):
        if differences := list(differing(case, of_row(tried.decoded, row))):
            raise Broken(f"{carrier.name}, case {case.name!r}: " + "; ".join(differences))
    for law in LAWS:
        if breach := law(tried):
            raise Broken(f"{carrier.name}, law {law.__name__!r}: {breach}")


def check_mutations(carrier: Carrier, cases: Sequence[Case], wanted: int, seed: int = 0) -> None:
    """Check that changed payloads of the cases are decoded, ignored or rejected, without a crash.

    Args:
        carrier: The carrier.
        cases: Cases whose payloads are changed.
        wanted: Number of changed payloads.
        seed: Seed of the random changes.

    Raises:
        Broken: A payload is lost, or decoded differently by rows than by columns; the first such batch is reported.
    """
    values = [case.value for case in cases]
    headers = headers_of(cases)
    for start in range(0, wanted, _AT_ONCE):
        number = seed + start // _AT_ONCE
        places, changed = zip(*drawn(values, min(_AT_ONCE, wanted - start), number), strict=True)
        if breach := wrong_payloads_are_taken(carrier, changed, headers.gather(list(places))):
            raise Broken(f"{carrier.name}, changed payloads of seed {number}: {breach}")


def differing(case: Case, decoded: Decoded) -> Iterator[str]:
    """Yield the differences between a case and what the carrier decoded from it."""
    found = _outcome(decoded)
    if case.rejected is not None:
        reasons = decoded.rejected.select("reason", "detail").rows()
        if not any(reason == case.rejected.reason and case.rejected.detail in detail for reason, detail in reasons):
            yield f"expected {case.rejected}, got {found}"
    elif case.ignored is not None and decoded.ignored["reason"].to_list() != [case.ignored]:
        yield f"expected to be ignored: {case.ignored}; got {found}"
    if case.rejected is None and case.ignored is None and not decoded.rejected.is_empty():
        yield f"got {found}"
    yield from _differing_rows("event", case.events, decoded.events)
    if case.numbers is not None:
        yield from _differing_rows("number", case.numbers, decoded.numbered)
    if case.totals is not None:
        yield from _differing_rows("total", case.totals, decoded.totals)


def _differing_rows(what: str, expected_rows: list[dict[str, Any]], rows: pl.DataFrame) -> Iterator[str]:
    if len(expected_rows) != rows.height:
        yield f"expected {len(expected_rows)} {what}s, got {rows.height}: {rows.to_dicts()}"
        return
    for number, (expected, row) in enumerate(zip(expected_rows, rows.to_dicts(), strict=True)):
        for name, value in expected.items():
            if name not in row:
                yield f"{what} {number}: there is no column {name}"
            elif row[name] != value:
                yield f"{what} {number}: {name} is {row[name]!r}, expected {value!r}"


def _outcome(decoded: Decoded) -> str:
    parts = [
        part
        for part in (decoded.events.select(pl.col("type", "event_id")), decoded.rejected, decoded.ignored)
        if not part.is_empty()
    ]
    return "; ".join(str(part.to_dicts()) for part in parts) or "nothing at all"
