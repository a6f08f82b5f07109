"""Cohorts and returns per person, as compiled loops over rows in any order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import compiled

STARTS = 1
"""Bit of `kind`: the row can start a cohort."""

RETURNS = 2
"""Bit of `kind`: the row can be a return."""


@compiled
def group_rows(
    person: NDArray[np.uint32],
    time: NDArray[np.int64],
    kind: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    n_persons: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int32]]:
    """Group the rows by person with a counting sort.

    Args:
        person: [rows] number of the row's person.
        time: [rows] microseconds.
        kind: [rows] bits of `STARTS` and `RETURNS`.
        bounds: [units + 1] start of each calendar unit, and end of the last.
        n_persons: One more than the highest number of a person.

    Returns:
        [persons + 1] first row of each person and the number of rows; [rows] time, kind and unit of the rows.
    """
    offsets = np.zeros(n_persons + 1, np.int64)
    for row in range(len(person)):
        offsets[person[row] + 1] += 1
    offsets = np.cumsum(offsets)
    next_row = offsets[:-1].copy()
    times, kinds = np.empty_like(time), np.empty_like(kind)
    units = np.empty(len(time), np.int32)
    unit = 0
    for row in range(len(person)):
        # Neighbouring rows are mostly close in time.
        if not bounds[unit] <= time[row] < bounds[unit + 1]:
            unit = np.searchsorted(bounds, time[row], side="right") - 1
        place = next_row[person[row]]
        next_row[person[row]] += 1
        times[place], kinds[place], units[place] = time[row], kind[row], unit
    return offsets, times, kinds, units


@compiled
def count_returns(
    offsets: NDArray[np.int64],
    time: NDArray[np.int64],
    kind: NDArray[np.uint8],
    unit: NDArray[np.int32],
    n_units: int,
    n_periods: int,
    length: int,
    until: int,
    of_every_start: bool,
    newest_only: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the persons of each cohort and those who returned in each period.

    Args:
        offsets: [persons + 1] from `group_rows`, as are `time`, `kind` and `unit`.
        time: [rows] microseconds.
        kind: [rows] bits of `STARTS` and `RETURNS`.
        unit: [rows] number of the calendar unit.
        n_units: Number of calendar units.
        n_periods: Number of periods.
        length: Microseconds of a rolling period; 0: periods are calendar units.
        until: Microseconds; returns from then on do not count.
        of_every_start: Whether a person is in the cohort of every unit with a start, or only of the first.
        newest_only: Count a person only in the newest period with a return.

    Returns:
        [units] persons, and [units, periods] persons who returned.
    """
    size = np.zeros(n_units, np.int64)
    returned = np.zeros((n_units, n_periods), np.int64)
    started = np.empty(n_units, np.int64)
    cohorts = np.empty(n_units, np.int64)
    counted = np.zeros(n_periods, np.int64)
    is_cohort = np.zeros(n_units, np.bool_)
    member = 0
    for person in range(len(offsets) - 1):
        begin, end = offsets[person], offsets[person + 1]
        n_cohorts = 0
        for row in range(begin, end):
            if not kind[row] & STARTS:
                continue
            cohort = unit[row]
            if of_every_start or n_cohorts == 0:
                if is_cohort[cohort]:
                    started[cohort] = min(started[cohort], time[row])
                    continue
                cohorts[n_cohorts], started[cohort], is_cohort[cohort] = cohort, time[row], True
                n_cohorts += 1
            elif time[row] < started[cohorts[0]]:
                is_cohort[cohorts[0]] = False
                cohorts[0], started[cohort], is_cohort[cohort] = cohort, time[row], True
        for cohort in cohorts[:n_cohorts]:
            is_cohort[cohort] = False
            member += 1
            size[cohort] += 1
            newest = -1
            for row in range(begin, end):
                if not kind[row] & RETURNS or time[row] < started[cohort] or time[row] >= until:
                    continue
                period = (time[row] - started[cohort]) // length if length else unit[row] - cohort
                newest = max(newest, period)
                if not newest_only and counted[period] != member:
                    counted[period] = member
                    returned[cohort, period] += 1
            if newest_only and newest >= 0:
                returned[cohort, newest] += 1
    return size, returned
