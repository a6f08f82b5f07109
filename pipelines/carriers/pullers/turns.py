"""Cursors that read groups in turn: `at` is the current group, `group/ID` how far each group was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pipelines.carriers.pullers.base import Cursor, Page, Payload

_GROUP: Final = "group/"


def first_turn(cursor: Cursor, groups: Iterable[str]) -> Page:
    """Begin a round with these groups; others are dropped from the cursor."""
    wanted = {_GROUP + one for one in groups}
    known = {name: value for name, value in cursor.items() if not name.startswith(_GROUP) or name in wanted}
    return _turn({**{name: {} for name in sorted(wanted)}, **known}, "", (), Counter(), None)


def next_turn(
    cursor: Cursor, payloads: tuple[Payload, ...] = (), skipped: Counter[str] | None = None, gap: str | None = None
) -> Page:
    """Continue with the next group; after the last one the round is over."""
    return _turn(cursor, cursor["at"], payloads, skipped or Counter(), gap)


def _turn(cursor: Cursor, after: str, payloads: tuple[Payload, ...], skipped: Counter[str], gap: str | None) -> Page:
    groups = (name.removeprefix(_GROUP) for name in cursor if name.startswith(_GROUP))
    group = min((one for one in groups if one > after), default=None)
    rest = {name: value for name, value in cursor.items() if name != "at"}
    following = rest if group is None else {**rest, "at": group}
    return Page(payloads, following, is_last=group is None, skipped=skipped, gap=gap)
