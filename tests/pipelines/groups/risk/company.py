"""A company whose groups go from busy to quiet and back, by chance."""

from __future__ import annotations

import numpy as np

from tests.pipelines.groups.risk.oracle import Active

BUSY, QUIET, SILENT = 0.7, 0.12, 0.004
"""Chances of activity on a day."""


def company(seed: int, groups: int = 14, days: int = 600) -> list[Active]:
    """Activity of groups that change their mood every eighty days or so, so that a falling one often dies."""
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(groups):
        mood = BUSY
        for day in range(int(chance.integers(0, 60)), days):
            if chance.random() < 1 / 80:
                mood = {BUSY: QUIET, QUIET: SILENT, SILENT: BUSY}[mood]
            if chance.random() < mood:
                for person in chance.choice(6, size=1 + int(mood == BUSY), replace=False):
                    first, last = sorted(int(minute) for minute in chance.integers(0, 1440, size=2))
                    said = int(chance.integers(1, 5))
                    rows.append(Active(f"qq:{number:02}", f"p{person}", day, said, 0, first, last))
    return rows
