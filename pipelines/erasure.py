"""Who is to be erased: the accounts of a person, how carriers name them, and their entry in the list of the erased."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers import Carrier
from pipelines.events.identity import links, united
from pipelines.events.pseudonym import Pseudonyms
from pipelines.events.suppression import Suppression, naming
from pipelines.ingest.erased import suppression_of
from pipelines.lake import Lake
from pipelines.lake_values import has_value
from pipelines.rulings import as_pseudonym, withdrawn
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, IDENTITY_RULING, QUARANTINED_EVENT, RAW, SUPPRESSION

_DECODED_AT_ONCE: Final = 20_000
_ACCOUNTS: Final = ("account_id", "linked_account_id")


class NamesThePerson(EmberlineError):
    """What is to be kept of an erasure names who is erased."""


@dataclass(frozen=True)
class Person:
    """Who is to be erased.

    Attributes:
        pseudonyms: Of all accounts, the one that was asked for first.
        accounts: Those whose id in clear is known: that of the request, and what is found in values that `raw` has.
        events: How many stored events are theirs or name them.
        texts: What else names the person, as whoever asks says.
    """

    pseudonyms: tuple[str, ...]
    accounts: tuple[str, ...]
    events: int
    texts: tuple[str, ...] = ()


def person_of(
    lake: Lake, asked: str, pseudonyms: Pseudonyms, carriers: Mapping[str, Carrier], texts: Sequence[str] = ()
) -> Person:
    """Find all accounts of a person, and their ids in clear in what `raw` still has. No table is changed.

    Args:
        lake: holds events and rulings on links.
        asked: `carrier:native_id`, or a pseudonym.
        pseudonyms: under the key of the lake.
        carriers: topic -> adapter.
        texts: what else names the person, such as a name.

    Raises:
        NoAccount: `asked` is neither.
    """
    first = as_pseudonym(asked, pseudonyms)
    told = links(lake.open(EVENTS).scan(), withdrawn(lake.open(IDENTITY_RULING).scan()))
    nobody = pl.DataFrame(schema={"account_id": pl.String, "person_id": pl.String})
    persons = nobody if told.is_empty() else united(nobody, told)
    named = persons.filter(account_id=first)["person_id"]
    others = persons.filter(pl.col("person_id").is_in(named.implode()))["account_id"]
    all_of_them = (first, *(other for other in others.to_list() if other != first))
    is_theirs = pl.any_horizontal(pl.col(name).is_in(all_of_them) for name in _ACCOUNTS)
    rows = [
        lake.open(table).scan().filter(is_theirs).select(RAW.key).collect(engine="streaming")
        for table in (EVENTS, QUARANTINED_EVENT)
    ]
    records = pl.concat(rows)
    found = _in_clear(lake, records.unique(), all_of_them, pseudonyms, carriers)
    given = {asked} if ":" in asked else set[str]()
    clear = tuple(sorted(given | found))
    return Person(all_of_them, clear, records.height, tuple(texts))


def record_erasure(
    lake: Lake, person: Person, pseudonyms: Pseudonyms, *, actor: str, reason: str, now: dt.datetime
) -> int:
    """Add a person to the list of erased persons, unless it has all of it; every run follows it from then on.

    Args:
        lake: holds the list.
        person: who.
        pseudonyms: under the key of the lake.
        actor: who asks.
        reason: why; it is kept.
        now: the clock, UTC.

    Returns:
        The number of the erasure.

    Raises:
        NamesThePerson: actor or reason name the person.
        LakeConflict: somebody else asked in the same moment; nothing was written.
    """
    handle = lake.open(SUPPRESSION)
    before = suppression_of(lake, pseudonyms)
    names = [naming(account) for account in person.accounts]
    texts = [*(text for anywhere, _ in names for text in anywhere), *person.texts]
    known = before.erasure_of(person.pseudonyms[0])
    if (
        known is not None
        and before.covers(pl.Series(person.pseudonyms)).all()
        and before.names(pl.Series(texts, dtype=pl.String)).all()
    ):
        return known
    entries = before.entries(person.pseudonyms, texts, [text for _, bare in names for text in bare])
    number = int(before.rows.select(pl.col("erasure").max().fill_null(0)).item()) + 1
    rows = entries.with_columns(
        erasure=pl.lit(number, pl.Int64), actor=pl.lit(actor), reason=pl.lit(reason),
        requested_at=pl.lit(now, SUPPRESSION.columns["requested_at"]),
    ).select(SUPPRESSION.schema.names())  # fmt: skip
    after = Suppression(pseudonyms.key, pl.concat([before.rows, rows]))
    kept = pl.Series([actor, reason])
    if (after.names(kept) | after.sent(kept.cast(pl.Binary))).any():
        raise NamesThePerson(
            "The reason, or who asks, names the person: both are kept.",
            "Nothing was written. Give a reason without an id or a name, such as the number of the request.",
        )
    lake.append(handle, rows, {})
    return number


def _in_clear(
    lake: Lake,
    records: pl.DataFrame,
    wanted: Sequence[str],
    pseudonyms: Pseudonyms,
    carriers: Mapping[str, Carrier],
) -> set[str]:
    """The ids in clear of these pseudonyms, out of values that are there still, until each is found."""
    found: dict[str, str] = {}
    for some in records.sort(RAW.key).iter_slices(_DECODED_AT_ONCE):
        at = pl.col("offset").is_in(some["offset"].unique().implode())
        rows = lake.open(RAW).scan().filter(at & has_value()).join(some.lazy(), on=RAW.key, how="semi")
        raw = rows.filter(pl.col("value").is_not_null()).collect(engine="streaming")
        for topic in raw["topic"].unique():
            of_topic = raw.filter(topic=topic)
            if topic not in carriers:
                continue
            events = carriers[topic].decode_column(of_topic["value"], of_topic["headers"]).events
            ids = pl.concat([events[name].alias("id") for name in _ACCOUNTS]).drop_nulls().unique()
            found |= {pseudonym: account for account in ids if (pseudonym := pseudonyms.of(account)) in wanted}
        if len(found) == len(wanted):
            break
    return set(found.values())
