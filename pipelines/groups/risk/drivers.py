"""The drivers of a risk, in words: how much lower it would be with one aspect of the group as usual."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.risk.measured import FEATURES
from pipelines.groups.risk.scores import INPUTS, MESSAGES_28D, ScoreInUse, inputs, risk_columns

_SHOWN: Final = 3
_LEAST_POINTS: Final = 1
_DECIMALS: Final = 6
_LATELY, _BEFORE = 28, 224

DRIVERS: Final[dict[str, tuple[str, ...]]] = {
    "silence": ("since_active_day_1",),
    "rhythm": (
        *(name for name in FEATURES if name.startswith(("activity_", "since_message_"))),
        *("since_active_day_2", "since_active_day_3", "since_active_day_5", "since_active_day_10"),
    ),
    "persons": tuple(name for name in FEATURES if name.startswith("persons_")),
    "newcomers": tuple(name for name in FEATURES if name.startswith("newcomers_")),
    "answers": ("since_other_person", "ends_alone"),
    "history": ("longest_pause", "outlasting_pauses", "active_weeks", "silent_fortnights"),
    "age": ("age",),
    "messages": (MESSAGES_28D,),
}
"""The inputs of scores that make up each driver; every input belongs to exactly one."""


def drivers(score: ScoreInUse, measured: pl.DataFrame) -> pl.DataFrame:
    """Predict the risks of measured days, and find the drivers of `risk_28`.

    The effect of a driver is the difference, in percentage points, to the same day with the driver's features at their
    mean over all training days. Effects of several drivers need not add up.

    Args:
        score: the score in use.
        measured: `group_id`, `day`, `FEATURES` and `messages_28d`, as `features.with_messages` returns them.

    Returns:
        One row for each input row: `group_id`, `day`, `risk_28`, `risk_56` (0 to 1, to six decimals) and `drivers`
        (String): up to three that raise the risk by a point or more, the strongest first; empty if there are none.
    """
    encoded = inputs(measured)
    risks = score.risks(encoded)
    mean = score.mean
    effects = {}
    for name, features in DRIVERS.items():
        usual = encoded.copy()
        columns = [INPUTS.index(feature) for feature in features]
        usual[:, columns] = mean[columns]
        effects[name] = 100 * (risks[:, 0] - score.risks(usual)[:, 0])
    words = measured.select(**_words())
    all_drivers = [pl.struct(points=pl.lit(pl.Series(effects[name])), words=pl.lit(words[name])) for name in DRIVERS]
    raising = pl.element().filter(pl.element().struct["points"] >= _LEAST_POINTS)
    strongest = raising.sort_by(raising.struct["points"], descending=True).head(_SHOWN)
    in_words = pl.format("{} (+{})", strongest.struct["words"], strongest.struct["points"].round(0).cast(pl.Int64))
    return measured.select(
        "group_id",
        "day",
        # Matrix products may differ in their last bit between runs, which must not count as a change.
        *risk_columns(risks.round(_DECIMALS)),
        drivers=pl.concat_list(all_drivers).list.eval(in_words).list.join("; "),
    )


def _words() -> dict[str, pl.Expr]:
    """Return the words of each driver, with its numbers."""

    def number(name: str) -> pl.Expr:
        return pl.col(name).round(0).cast(pl.Int64)

    def rate(kind: str, days: int, per: int) -> pl.Expr:
        return (pl.col(f"{kind}_{days}") * per).round(1)

    return {
        "silence": pl.format("no member active for {} days", number("since_active_day_1")),
        "rhythm": pl.format(
            "active on {} days a week lately, {} before", rate("activity", _LATELY, 7), rate("activity", _BEFORE, 7)
        ),
        "persons": pl.format(
            "{} persons a day lately, {} before", rate("persons", _LATELY, 1), rate("persons", _BEFORE, 1)
        ),
        "newcomers": pl.format(
            "{} new persons in four weeks lately, {} before",
            rate("newcomers", _LATELY, 28),
            rate("newcomers", _BEFORE, 28),
        ),
        "answers": pl.when(pl.col("ends_alone") == 1)
        .then(
            pl.format(
                "the last words are unanswered, and another person was active {} days ago", number("since_other_person")
            )
        )
        .otherwise(pl.format("another than the last person was active {} days ago", number("since_other_person"))),
        "history": pl.format(
            "active in {}% of the weeks of a year, longest pause {} days",
            (pl.col("active_weeks") * 100).round(0).cast(pl.Int64),
            number("longest_pause"),
        ),
        "age": pl.format("the group is {} days old", number("age")),
        "messages": pl.format("{} messages in 28 days", MESSAGES_28D),
    }
