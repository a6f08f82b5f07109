"""State and risk differ where one is ill and the other is well, and nowhere else."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.groups.risk.disagreement import disagreement


@pytest.mark.parametrize(
    ("state", "risk", "reason"),
    [
        ("declining", 0.09, "members_present"),
        ("dying", 0.09, "members_present"),
        ("dying", 0.1, None),
        ("alive", 0.29, None),
        ("alive", 0.3, "nothing_fell"),
        ("revived", 0.3, "nothing_fell"),
        ("dead", 0.01, None),
        ("alive", None, None),
    ],
)
def test_state_and_risk_differ_where_one_is_ill_and_the_other_well(state: str, risk: float | None, reason: str | None):
    rows = pl.DataFrame({"state": [state], "risk_28": pl.Series([risk], dtype=pl.Float64)})
    assert rows.select(disagreement()).item() == reason
