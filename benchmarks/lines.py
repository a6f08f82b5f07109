"""`python -m benchmarks.lines`: alerts on the public community; each quarter the line is chosen from the past."""

from __future__ import annotations

import datetime as dt
import sys

import polars as pl

from benchmarks.box import box_left_out
from benchmarks.zulip import ABSENT, ARCHIVE, person_day
from pipelines.groups.risk.alert_quality import AlertQuality, crossings, deaths, worth
from pipelines.groups.risk.backtest import across_groups, walking_forward
from pipelines.groups.risk.features import history
from pipelines.groups.risk.lines import line_for, lines, markdown
from pipelines.groups.thresholds import LEAVES

QUARTER = 91
TARGET = 0.5
"""The default of `alerts.target_precision`."""

_EPOCH = dt.date(1970, 1, 1)


def in_time(rows: pl.DataFrame, died: pl.DataFrame) -> AlertQuality:
    """Return the quality of alerts whose line is chosen, each quarter, from what was known when it began.

    Args:
        rows: The result of `walking_forward`.
        died: The result of `deaths`.
    """
    made = [pl.DataFrame(schema={"group_id": pl.String(), "day": pl.Date()})]
    quarter = pl.col("day").to_physical() // QUARTER
    for (number,), now in rows.group_by(quarter, maintain_order=True):
        opens = _EPOCH + dt.timedelta(days=QUARTER * int(str(number)))
        known = (pl.lit(opens) - pl.col("day")).dt.total_days() - 1
        before = rows.filter(pl.col("day") < opens).with_columns(known_days=known)
        line = line_for(TARGET, lines(before, died.filter(pl.col("death") < opens)), now["model_share"][0])
        if line is not None:
            of_line = crossings(rows, pl.col("risk_28"), line, LEAVES * line)
            made.append(of_line.filter(quarter == number))
    return worth(pl.concat(made), rows, died)


def main() -> int:
    """Print the quality of alerts at each line, and at the line chosen in time."""
    if not ARCHIVE.exists():
        sys.exit(ABSENT)
    members = person_day()
    past = history(members, members.select(pl.col("day").max()).collect().item())
    rows = walking_forward(past, QUARTER, other_groups=False, parts=box_left_out(across_groups(past))).rows
    died = deaths(members, rows)
    print(markdown(lines(rows, died)))
    print(in_time(rows, died))
    return 0


if __name__ == "__main__":
    sys.exit(main())
