"""Interface of readers of exports: recognise a file, and yield payloads for one carrier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.carriers.base import Coverage, Membership
from pipelines.carriers.readers.source import Source
from pipelines.carriers.texts import Texts
from schemas.errors import EmberlineError
from schemas.kinds import TimeQuality

DateOrder = Literal["dmy", "mdy", "ymd"]

ODD_ITEMS: Final = "items whose fields do not match the format"

_ODD: Final = (AttributeError, KeyError, LookupError, OverflowError, TypeError, ValueError)
_BATCH_ROWS: Final = 20_000
_BATCH_BYTES: Final = 8 * 1024 * 1024


class UnreadableExport(EmberlineError):
    """An export cannot be read, or only with an option for what the file lacks."""


@dataclass(frozen=True)
class Capabilities:
    """What an export of this kind contains at most.

    Attributes:
        coverage: Coverage of messages.
        membership: How joins and leaves are reported.
        replies: Whether replies name the answered message.
        time: Precision of times.
        limits: Sentences on what it lacks.
    """

    coverage: Coverage = "full"
    membership: Membership = "events"
    replies: bool = True
    time: TimeQuality = "second"
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sniffed:
    """A file that a reader recognises, with the reasons in words.

    `limits` are sentences on what this file lacks, beside those of its kind.
    """

    reasons: tuple[str, ...]
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """Options for what a file lacks, and for texts.

    Attributes:
        texts: Whether texts are measured or kept.
        zone: Time zone of local times without an offset.
        group: Native id of the group, if the file has none.
        platform: Prefix of the keys of groups and members, if the file does not have it.
        self_id: Native id of the person who made the export.
        date_order: Order of day, month and year in dates such as 05/06/26.
        operators: Native ids, or shown names, of people who work for the company.
        carrier: Carrier of unchanged payloads in the file.
        columns: Column of the common record -> column of the file, for custom tables.
    """

    texts: Texts
    zone: ZoneInfo
    group: str | None = None
    platform: str | None = None
    self_id: str | None = None
    date_order: DateOrder | None = None
    operators: frozenset[str] = frozenset()
    carrier: str | None = None
    columns: dict[str, str] = field(default_factory=dict)

    def role(self, *names: str | None) -> str | None:
        """Return `operator` if one of these ids or names is an operator's, else None."""
        return "operator" if any(name in self.operators for name in names if name) else None


@dataclass(frozen=True)
class Payloads:
    """A batch of consecutive payloads.

    Attributes:
        values: Binary, JSON objects for the carrier.
        keys: Binary, one per payload: copies of an event have the same key.
        done: Bytes of the source read so far.
        repairs: How often each named repair was needed.
        skipped: Number of skipped items by reason.
    """

    values: pl.Series
    keys: pl.Series
    done: int
    repairs: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


class Reader(ABC):
    """One kind of export.

    The same source with the same options gives the same payloads in the same order, so that reading can resume by their
    number (`after`).

    Attributes:
        name: Its name in `--as`.
        title: Its display name.
        carrier: The carrier of its payloads.
        capabilities: What it contains at most.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    carrier: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()

    @abstractmethod
    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise a source of this kind by its first bytes or its files; return None for other kinds."""

    @abstractmethod
    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read a source in batches of bounded size.

        Raises:
            UnreadableExport: The source cannot be read, or an option is required for what it lacks.
        """


def after(batches: Iterable[Payloads], n_payloads: int) -> Iterator[Payloads]:
    """Skip the first payloads of a source, which were sent before, but keep their counts."""
    for batch in batches:
        n_left_out = min(n_payloads, len(batch.values))
        n_payloads -= n_left_out
        yield Payloads(
            batch.values.slice(n_left_out), batch.keys.slice(n_left_out), batch.done, batch.repairs, batch.skipped
        )


class _OddItems:
    """Skips and counts an item whose fields do not match the format: only the block of the item ends."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __enter__(self) -> None:
        """Begin with an item."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is None or not issubclass(kind, _ODD):
            return False
        self._batch.skipped[ODD_ITEMS] += 1
        return True


class Batch:
    """Collects payloads until there are enough for a batch.

    Attributes:
        odd_items: Context manager for the code that converts one item.
    """

    def __init__(self, repairs: Counter[str]) -> None:
        """Include the counts of `repairs` in each batch."""
        self._values: list[bytes] = []
        self._keys: list[str] = []
        self._bytes = 0
        self.repairs = repairs
        self.skipped: Counter[str] = Counter()
        self.odd_items = _OddItems(self)

    def add(self, key: str, value: bytes) -> None:
        """Add a payload."""
        self._keys.append(key)
        self._values.append(value)
        self._bytes += len(value)

    @property
    def is_full(self) -> bool:
        """Whether it is time to `take`."""
        return len(self._values) >= _BATCH_ROWS or self._bytes >= _BATCH_BYTES

    def take(self, done: int) -> Payloads:
        """Return the batch, and begin the next one."""
        taken = Payloads(
            pl.Series(self._values, dtype=pl.Binary),
            pl.Series([key.encode(errors="replace") for key in self._keys], dtype=pl.Binary),
            done,
            Counter(self.repairs),
            +self.skipped,
        )
        self._values, self._keys, self._bytes, self.skipped = [], [], 0, Counter()
        self.repairs.clear()
        return taken
