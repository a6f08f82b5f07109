"""What every reader of exports does: it recognises a file, and yields the payloads that one carrier decodes."""

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

ODD_ITEMS: Final = "items whose fields are not what the format says"

_ODD: Final = (AttributeError, KeyError, LookupError, OverflowError, TypeError, ValueError)
_BATCH_ROWS: Final = 20_000
_BATCH_BYTES: Final = 8 * 1024 * 1024


class UnreadableExport(EmberlineError):
    """An export cannot be read, or not without an option that says what the file does not."""


@dataclass(frozen=True)
class Tells:
    """What an export can tell at most.

    Attributes:
        coverage: Of messages.
        membership: How joins and leaves show.
        replies: Whether an answer names what it answers.
        time: How exact times are.
        limits: Sentences on what it cannot tell.
    """

    coverage: Coverage = "full"
    membership: Membership = "events"
    replies: bool = True
    time: TimeQuality = "second"
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sniffed:
    """A file that a reader knows: the reasons in words.

    `limits` are sentences on what this very file cannot tell, beside those of its kind.
    """

    reasons: tuple[str, ...]
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """What a file does not say, and what becomes of texts.

    Attributes:
        texts: Measured or kept.
        zone: Of local times without an offset.
        group: Native id of the group, where the file has none.
        platform: Begins the keys of groups and members, where the file does not say it.
        self_id: Native id of the person who made the export.
        date_order: Of dates such as 05/06/26.
        operators: Native ids, or shown names, of people who work for the company.
        carrier: Of payloads that are in the file as they are.
        columns: Column of the common record -> column of the file, for tables of any shape.
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
        """Give `operator` for who is known by one of these ids or names, else None."""
        return "operator" if any(name in self.operators for name in names if name) else None


@dataclass(frozen=True)
class Payloads:
    """Payloads that follow each other.

    Attributes:
        values: Binary, JSON objects that the carrier decodes.
        keys: Binary, one a payload: copies of an event have one key.
        done: Bytes of the source that were read with them.
        repairs: How often each named repair was needed.
        skipped: How many items were left out, by reason.
    """

    values: pl.Series
    keys: pl.Series
    done: int
    repairs: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


class Reader(ABC):
    """One kind of export.

    The same source with the same options gives the same payloads in the same order, so their number is a place to
    resume from (`after`).

    Attributes:
        name: What `--as` calls it.
        title: In words.
        carrier: Decodes its payloads.
        tells: What it can tell at most.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    carrier: ClassVar[str]
    tells: ClassVar[Tells] = Tells()

    @abstractmethod
    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise a source of this kind by its first bytes or its files; never one of another kind."""

    @abstractmethod
    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read a source in batches of bounded size.

        Raises:
            UnreadableExport: the source cannot be read, or lacks what an option has to say.
        """


def after(batches: Iterable[Payloads], n_payloads: int) -> Iterator[Payloads]:
    """Leave out the first payloads of a source, which were sent before; what was counted with them stays."""
    for batch in batches:
        n_left_out = min(n_payloads, len(batch.values))
        n_payloads -= n_left_out
        yield Payloads(
            batch.values.slice(n_left_out), batch.keys.slice(n_left_out), batch.done, batch.repairs, batch.skipped
        )


class _OddItems:
    """Leaves out and counts an item whose fields are not what the format says: a block of it ends, and nothing else."""

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
    """Collects payloads one by one, until there are enough to hand on.

    Attributes:
        odd_items: Use it around what is made of one item.
    """

    def __init__(self, repairs: Counter[str]) -> None:
        """Hand on what others count in `repairs` with each batch."""
        self._values: list[bytes] = []
        self._keys: list[str] = []
        self._bytes = 0
        self.repairs = repairs
        self.skipped: Counter[str] = Counter()
        self.odd_items = _OddItems(self)

    def add(self, key: str, value: bytes) -> None:
        """Take one payload."""
        self._keys.append(key)
        self._values.append(value)
        self._bytes += len(value)

    @property
    def is_full(self) -> bool:
        """Whether it is time to `take`."""
        return len(self._values) >= _BATCH_ROWS or self._bytes >= _BATCH_BYTES

    def take(self, done: int) -> Payloads:
        """Hand on what there is, and begin again."""
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
