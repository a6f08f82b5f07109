"""The history of a synthetic company, written directly into a lake: members of groups talk, click and buy.

All of it follows from one seed. Times are microseconds since 1970, UTC; the history ends with `END`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.events.change_log import change_log
from pipelines.ingest.event_writer import BATCH
from pipelines.ingest.old_ids import WITHOUT_ACCOUNTS
from pipelines.lake import Lake
from schemas import kinds
from schemas.lake import EVENTS, TOUCHED, UTC_TIME

ZONE: Final = ZoneInfo("Asia/Shanghai")
END: Final = dt.datetime(2026, 3, 1, tzinfo=ZONE)
DAYS: Final = 400
BATCH_ROWS: Final = 1_000_000

_DAY_US: Final = 86_400_000_000
_END_US: Final = int(END.timestamp()) * 1_000_000
_EVENTS_A_PERSON: Final = 100
_MEMBERS_A_GROUP: Final = 200
_GROUPS_A_PERSON: Final = 2
_CARRIERS: Final = 5
_SHARE_LINKED: Final = 0.3
_OFFERS_A_GROUP_AND_DAY: Final = 0.25
_KINDS: Final = {
    kinds.MESSAGE_SENT: 0.72,
    kinds.REACTION_ADDED: 0.12,
    kinds.LINK_CLICKED: 0.06,
    kinds.PRODUCT_VIEWED: 0.04,
    kinds.ORDER_PLACED: 0.03,
    kinds.ORDER_PAID: 0.025,
    kinds.ORDER_REFUNDED: 0.005,
}
_COMMERCE: Final = (kinds.PRODUCT_VIEWED, kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_REFUNDED)


@dataclass(frozen=True)
class Company:
    """Who is a member of which group since when; person `p` has the accounts `chat[p]` and, if linked, `shop[p]`.

    No event is earlier than `start`, in microseconds.
    """

    start: int
    persons: int
    groups: int
    chat: pl.Series
    shop: pl.Series
    linked: NDArray[np.bool_]
    member: NDArray[np.int64]
    group: NDArray[np.int64]
    joined: NDArray[np.int64]


def company(events: int, days: int = DAYS, seed: int = 4, pseudonym: Callable[[str], str] | None = None) -> Company:
    """Make a company whose history of so many days has about so many events.

    Person `p` writes as `simulated:chat-p` and buys as `simulated:shop-p`; `pseudonym` returns the
    pseudonyms of these accounts, by default a hash.
    """
    pseudonym = pseudonym or _hashed
    rng = np.random.default_rng(seed)
    start = _END_US - days * _DAY_US
    persons = max(100, events // _EVENTS_A_PERSON)
    groups = max(5, persons * _GROUPS_A_PERSON // _MEMBERS_A_GROUP)
    n_members = persons * _GROUPS_A_PERSON
    joined = np.sort(start + (rng.beta(1, 3, n_members) * days * _DAY_US).astype(np.int64))
    return Company(
        start=start,
        persons=persons,
        groups=groups,
        chat=pl.Series([pseudonym(f"simulated:chat-{number}") for number in range(persons)]),
        shop=pl.Series([pseudonym(f"simulated:shop-{number}") for number in range(persons)]),
        linked=rng.random(persons) < _SHARE_LINKED,
        member=rng.permutation(n_members) % persons,
        group=rng.integers(groups, size=n_members),
        joined=joined,
    )


def write_history(lake: Lake, world: Company, events: int, left: int = 0, seed: int = 5) -> int:
    """Append the history except its last `left` days, in batches by time; return the number of events."""
    n_batches = max(1, round(events / BATCH_ROWS))
    edges = np.linspace(world.start, _END_US - left * _DAY_US, n_batches + 1).astype(np.int64)
    written = 0
    for batch, (start, end) in enumerate(pairwise(edges), start=1):
        rng = np.random.default_rng((seed, batch))
        structure = [_founded(world, rng), _links(world, rng)] if batch == 1 else []
        rows = _span(world, rng, structure, start, end, events // n_batches)
        written += _append(lake, rows, batch, is_marked=False)
    return written


def write_day(lake: Lake, world: Company, events: int, seed: int = 7) -> int:
    """Append the last day, with its rows of the change log, as ingest does; return the number of events."""
    done = lake.open(EVENTS).position(BATCH) or 0
    rows = _span(world, np.random.default_rng(seed), [], _END_US - _DAY_US, _END_US, events)
    return _append(lake, rows, done + 1, is_marked=True)


def write_late(lake: Lake, world: Company, events: int, share: float, seed: int = 6) -> tuple[int, int]:
    """Append events of a share of the persons, 1 to 40 days before the end, with their rows of the change log.

    Returns:
        The numbers of events and of their persons.
    """
    rng = np.random.default_rng(seed)
    persons = rng.choice(world.persons, max(1, round(world.persons * share)), replace=False)
    candidates = np.flatnonzero(np.isin(world.member, persons))
    done = lake.open(EVENTS).position(BATCH) or 0
    start, end = _END_US - 40 * _DAY_US, _END_US - _DAY_US
    n_batches = max(1, -(-events // BATCH_ROWS))
    sizes = np.diff(np.linspace(0, events, n_batches + 1).astype(np.int64))
    written = 0
    for batch, size in enumerate(sizes, start=done + 1):
        rows = _doings(world, rng, candidates, start, end, int(size))
        written += _append(lake, rows, batch, is_marked=True)
    return written, len(persons)


def _span(
    world: Company, rng: np.random.Generator, structure: list[pl.DataFrame], start: int, end: int, events: int
) -> pl.DataFrame:
    """Return so many events between two times, including the given ones."""
    structure = [*structure, _joins(world, start, end), _offers(world, rng, start, end)]
    size = max(0, events - sum(len(part) for part in structure))
    candidates = np.arange(max(1, np.searchsorted(world.joined, end)))
    return pl.concat([*structure, _doings(world, rng, candidates, start, end, size)], how="diagonal")


def _append(lake: Lake, rows: pl.DataFrame, batch: int, *, is_marked: bool) -> int:
    rows = _as_events(rows, batch)
    if is_marked:
        lake.append(lake.open(TOUCHED), change_log(rows, rows.clear(), batch), {})
    lake.append(lake.open(EVENTS), rows, {BATCH: batch, WITHOUT_ACCOUNTS: 1})
    return rows.height


def _as_events(rows: pl.DataFrame, batch: int) -> pl.DataFrame:
    time = pl.col("us").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    day = time.dt.convert_time_zone(ZONE.key).dt.date()
    given = {
        "event_id": pl.format("{}-{}", pl.lit(batch), pl.int_range(pl.len())),
        "time": time,
        "day": day,
        "month": day.dt.month_start(),
        "topic": pl.lit("group.messages"),
        "topic_id": pl.lit("0b9d2c52-63a5-4e57-9c0a-0c5f0f4f9f10"),
        "partition": (pl.int_range(pl.len()) % 3).cast(pl.Int32),
        "offset": pl.int_range(pl.len()) + batch * 2 * BATCH_ROWS,
        "kafka_time": pl.lit(END).cast(UTC_TIME),
        "batch": pl.lit(batch, pl.Int64),
    }
    rows = rows.with_columns(**given)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.columns.items() if name not in rows.columns]
    return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in EVENTS.columns.items())


def _group_columns(group: NDArray[np.int64]) -> dict[str, pl.Expr]:
    carrier = pl.lit(pl.Series(group % _CARRIERS))
    return {
        "group_id": pl.format("carrier{}:{}", carrier, pl.lit(pl.Series(group))),
        "carrier": pl.format("carrier{}", carrier),
        "source": pl.format("bridge/{}", carrier),
    }


def _founded(world: Company, rng: np.random.Generator) -> pl.DataFrame:
    group = np.arange(world.groups)
    return pl.DataFrame({"us": world.start + rng.integers(_DAY_US, size=world.groups)}).select(
        "us", type=pl.lit(kinds.GROUP_CREATED), role=pl.lit("operator"), group_name=pl.lit("a group"),
        **_group_columns(group),
    )  # fmt: skip


def _links(world: Company, rng: np.random.Generator) -> pl.DataFrame:
    person = np.flatnonzero(world.linked)
    return pl.DataFrame({"us": world.start + rng.integers(_DAY_US, size=len(person))}).select(
        "us", type=pl.lit(kinds.IDENTITY_LINKED), role=pl.lit("member"), source=pl.lit("shop"),
        account_id=world.chat.gather(person), linked_account_id=world.shop.gather(person),
    )  # fmt: skip


def _joins(world: Company, start: int, end: int) -> pl.DataFrame:
    first, last = np.searchsorted(world.joined, [start, end])
    return pl.DataFrame({"us": world.joined[first:last]}).select(
        "us", type=pl.lit(kinds.MEMBER_JOINED), role=pl.lit("member"),
        account_id=world.chat.gather(world.member[first:last]), **_group_columns(world.group[first:last]),
    )  # fmt: skip


def _offers(world: Company, rng: np.random.Generator, start: int, end: int) -> pl.DataFrame:
    """Return product messages, from one operator per group."""
    size = int(world.groups * _OFFERS_A_GROUP_AND_DAY * (end - start) / _DAY_US)
    group = rng.integers(world.groups, size=size)
    return pl.DataFrame({"us": rng.integers(start, end, size)}).select(
        "us", type=pl.lit(kinds.MESSAGE_SENT), role=pl.lit("operator"), message_kind=pl.lit("product"),
        message_id=pl.format("offer-{}", pl.col("us")),
        product_id=pl.Series(rng.integers(50, size=size)).cast(pl.String),
        account_id=pl.format("operator of {}", pl.lit(pl.Series(group))), **_group_columns(group),
    )  # fmt: skip


def _doings(
    world: Company, rng: np.random.Generator, candidates: NDArray[np.int64], start: int, end: int, size: int
) -> pl.DataFrame:
    """Return what members do in their groups and in the shop: four orders each."""
    chosen = rng.choice(candidates, size)
    person = world.member[chosen]
    kind = pl.Series(rng.choice(np.array(list(_KINDS)), size, p=np.array(list(_KINDS.values()))))
    in_shop, ordering = kind.is_in(_COMMERCE), kind.is_in(_COMMERCE[1:])
    in_group = kind.is_in([kinds.MESSAGE_SENT, kinds.REACTION_ADDED, kinds.LINK_CLICKED])
    buyer = (
        pl.when(pl.Series(world.linked[person])).then(world.shop.gather(person)).otherwise(world.chat.gather(person))
    )
    number = pl.Series(rng.integers(1 << 31, size=size))
    columns = _group_columns(world.group[chosen])
    said = kind == kinds.MESSAGE_SENT
    order = pl.format("{}-{}", pl.lit(pl.Series(person)), number % 4)
    return pl.DataFrame({"us": rng.integers(start, end, size), "type": kind}).select(
        "us",
        "type",
        role=pl.lit("member"),
        source=pl.when(in_shop).then(pl.lit("shop")).otherwise(columns["source"]),
        group_id=pl.when(in_group).then(columns["group_id"]),
        carrier=pl.when(in_group).then(columns["carrier"]),
        account_id=pl.when(in_shop).then(buyer).otherwise(world.chat.gather(person)),
        message_id=pl.when(in_group).then(number.cast(pl.String)),
        message_kind=pl.when(said).then(pl.lit("text")),
        reply_to=pl.when(said & (number % 5 == 0)).then(number.cast(pl.String)),
        text_length=pl.when(said).then(number % 200).cast(pl.Int32),
        product_id=pl.when(kind == kinds.PRODUCT_VIEWED).then((number % 50).cast(pl.String)),
        order_id=pl.when(ordering).then(order),
        amount_minor=pl.when(ordering).then(number % 50_000).cast(pl.Int64),
        currency=pl.when(ordering).then(pl.lit("CNY")),
    )


def _hashed(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
