"""The reasons of a group's state in words, with the numbers behind them."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.birth import BIRTH_MEMBERS, BIRTH_MESSAGES, BIRTH_WINDOW
from pipelines.groups.life import ALIVE, DEAD, DECLINING, DYING, REVIVED, UNBORN
from schemas.lake import GROUP_STATES

_BIRTH: Final = f"within {BIRTH_WINDOW.seconds // 60} minutes"
_BORN: Final = f"{BIRTH_MEMBERS} members exchanged {BIRTH_MESSAGES} messages {_BIRTH}"
_NOT_BORN: Final = f"not yet {BIRTH_MESSAGES} messages of {BIRTH_MEMBERS} members {_BIRTH}"


def reason() -> pl.Expr:
    """Put the reasons of a spell into one text, by the numbers of its first day.

    Reads `state`, `before` (the state of the day before), `since`, `silent_days` (measured), `active_before` (the last
    day with member activity before `since`), `end_reason`, the results on silence and the components.
    """
    state, before = pl.col("state"), pl.col("before")
    silence = (pl.col("since") - pl.col("active_before")).dt.total_days()
    known = pl.when(silence > pl.col("silent_days")).then(pl.lit("measured days")).otherwise(pl.lit("days"))
    no_activity = pl.format("no member activity for {} {} since {}", "silent_days", known, "active_before")
    again = pl.format("member activity again after {} silent days", silence - 1)
    still = pl.lit("members active again, and still so")
    # Null where silence did not make the state.
    is_silenced, is_heard = (pl.col("silence_chance") > 0, pl.col("silence_chance") == 0)
    is_fallen = before.is_in([GROUP_STATES[DECLINING], GROUP_STATES[DYING]])

    def is_state(number: int) -> pl.Expr:
        return state == GROUP_STATES[number]

    return (
        pl.when(is_state(UNBORN)).then(pl.lit(_NOT_BORN))
        .when(is_state(ALIVE) & is_fallen & is_heard).then(pl.lit("back: members are active again"))
        .when(is_state(ALIVE) & is_fallen).then(pl.format("back: {}", _joined(_levels())))
        .when(is_state(ALIVE) & (before == GROUP_STATES[REVIVED])).then(still)
        .when(is_state(ALIVE)).then(pl.lit(_BORN))
        .when(is_silenced).then(_joined([no_activity, *_silences(), *_levels(), *_causes()]))
        .when(is_state(DECLINING) & is_fallen).then(pl.format("better: {}", _joined([*_levels(), *_causes()])))
        .when(is_state(DECLINING) | is_state(DYING)).then(_joined([*_levels(), *_causes()]))
        .when(is_state(DEAD)).then(no_activity)
        .when(is_state(REVIVED)).then(again)
        .otherwise("end_reason")
    )  # fmt: skip


def _silences() -> list[pl.Expr]:
    """Return the chance that the silence lasts until death, and the earlier silences behind it."""
    as_long, until_dead = pl.col("silences_as_long"), pl.col("dead_after_days")
    percent = (100 * pl.col("silence_chance")).round().cast(pl.Int64)
    earlier = ("earlier silences as long: {}, of these {} days or more: {}", as_long, until_dead, "silences_until_dead")
    return [
        pl.format("the chance that it lasts {} days is {} %", until_dead, percent),
        pl.when(as_long == 0)
        .then(pl.lit("the group was never silent for so long before"))
        .otherwise(pl.format(*earlier)),
    ]


def _levels() -> list[pl.Expr]:
    """Compare speakers, messages and replies with their usual values; null without a baseline."""
    return [
        _level("speakers at {} % of usual ({} a day, usually {})", "speaker_days_7d", "speaker_days_usual", days=7),
        _level("messages at {} % ({} a week, usually {})", "messages_7d", "messages_usual"),
        _level("replies at {} % ({} a week, usually {})", "replies_7d", "replies_usual"),
    ]


def _level(text: str, now: str, usual: str, days: int = 1) -> pl.Expr:
    above_nothing = pl.when(pl.col(usual) > 0).then(usual)
    share = (100 * pl.col(now) / above_nothing).round().cast(pl.Int64)
    shown = ((number / days).round(1).cast(pl.String).str.strip_suffix(".0") for number in (pl.col(now), above_nothing))
    return pl.format(text, share, *shown)


def _causes() -> list[pl.Expr]:
    """Return further signs of decline; null where they are absent."""
    joined, left, new = pl.col("joined_28d"), pl.col("left_28d"), pl.col("newly_active_28d")
    half, half_before = pl.col("half_writers_28d"), pl.col("half_writers_before")
    staff = pl.col("operator_messages_7d")
    return [
        pl.when((pl.col("messages_7d") == 0) & (staff > 0)).then(
            pl.format("operators alone: {} messages in 7 days, none of a member", staff)
        ),
        pl.when(left > joined).then(pl.format("{} left and {} joined in 28 days", left, joined)),
        pl.when((joined > 0) & (new == 0)).then(
            pl.format("none became active in 28 days, {} joined", joined)
        ),
        pl.when((half > 0) & (2 * half <= half_before)).then(
            pl.format("half of the messages from {} of the members, from {} in the 28 days before", half, half_before)
        ),
    ]  # fmt: skip


def _joined(parts: list[pl.Expr]) -> pl.Expr:
    return pl.concat_str(parts, separator="; ", ignore_nulls=True)
