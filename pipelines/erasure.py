"""The person to erase: all accounts, their ids in clear, and the entry in the list of erased persons."""

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
    """The reason or the actor of an erasure, which are kept, name the erased person."""


@dataclass(frozen=True)
class Person:
    """A person to erase.

    Attributes:
        pseudonyms: Of all accounts, the requested one first.
        accounts: Ids in clear, as far as known: that of the request, and those found in values of `raw`.
        events: Number of stored events that are theirs or name them.
        texts: Other texts that name the person, as given by the request.
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
        texts: other texts that name the person, such as a name.

    Raises:
        NoAccount: `asked` is neither.
    """
    first = as_pseudonym(asked, pseudonyms)
    links_now = links(lake.open(EVENTS).scan(), withdrawn(lake.open(IDENTITY_RULING).scan()))
    nobody = pl.DataFrame(schema={"account_id": pl.String, "person_id": pl.String})
    persons = nobody if links_now.is_empty() else united(nobody, links_now)
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
    """Add a person to the list of erased persons, unless it is complete already; every run applies the list.

    Args:
        lake: holds the list.
        person: whom to erase.
        pseudonyms: under the key of the lake.
        actor: who requests the erasure.
        reason: why; it is kept.
        now: the clock, UTC.

    Returns:
        The number of the erasure.

    Raises:
        NamesThePerson: actor or reason name the person.
        LakeConflict: another request was written first; nothing was written.
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
            "The reason or the actor names the person, and both are kept.",
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
    """Find the ids in clear of these pseudonyms in the values that `raw` still has."""
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
