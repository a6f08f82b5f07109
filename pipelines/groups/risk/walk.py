"""The compiled loop over a group's days that computes its features at the end of each."""

from __future__ import annotations

import numpy as np

from pipelines.compiled import compiled
from pipelines.groups.risk.measured import ACTIVE_DAYS_BACK, DEAD_AFTER_DAYS, FEATURES, HALF_LIVES, MESSAGES_BACK

_HALF_LIVES = np.array(HALF_LIVES, np.float64)
_ACTIVE_DAYS_BACK = np.array(ACTIVE_DAYS_BACK, np.int64)
_MESSAGES_BACK = np.array(MESSAGES_BACK, np.int64)
_COUNT = len(FEATURES)
_YEAR = 364
_WEEKS = 52


@compiled
def walk(
    group: np.ndarray,
    day: np.ndarray,
    person: np.ndarray,
    messages: np.ndarray,
    is_new: np.ndarray,
    is_alone: np.ndarray,
    opens: int,
    through: int,
    every: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute features on every `every`-th day of each group from its day 28 on, if active in the 28 days before.

    Args:
        group: group of each row; rows of one group are adjacent.
        day: days since an epoch, ascending in a group; within a day, rows by the time of the person's last activity.
        person: the active person.
        messages: how often the person was active on that day.
        is_new: true on the person's first day in the group.
        is_alone: true if the person's last two activities had nobody else's between or after them.
        opens: first day to measure.
        through: last day to measure.
        every: days between two measurements.

    Returns:
        One row per measurement: index of a row of the group, day, and the values of `FEATURES`.
    """
    rows = 0
    start = 0
    while start < len(group):
        end = start
        while end < len(group) and group[end] == group[start]:
            end += 1
        rows += max(0, through - max(opens, day[start] + DEAD_AFTER_DAYS) + every) // every
        start = end
    at = np.zeros(rows, np.int64)
    days = np.zeros(rows, np.int64)
    values = np.zeros((rows, _COUNT))
    row = 0
    start = 0
    while start < len(group):
        end = start
        while end < len(group) and group[end] == group[start]:
            end += 1
        row = _measure_group(
            day[start:end], person[start:end], messages[start:end], is_new[start:end], is_alone[start:end],
            opens, through, every, at, days, values, row, start,
        )  # fmt: skip
        start = end
    return at[:row], days[:row], values[:row]


@compiled
def _measure_group(day, person, messages, is_new, is_alone, opens, through, every, at, days, values, row, index):
    first = day[0]
    span = through - first + 1
    if span <= DEAD_AFTER_DAYS:
        return row
    # Prefix sums: number of active days, and of days that end 14 days without activity, before each day.
    active_before = np.zeros(span + 1, np.int64)
    silent_before = np.zeros(span + 1, np.int64)
    active = np.zeros(len(day), np.int64)
    said = np.zeros(len(day), np.int64)
    known = 0
    decayed = np.zeros((3, len(_HALF_LIVES)))
    weight = np.zeros(len(_HALF_LIVES))
    last_person = -1
    last_day = first
    other_day = first - DEAD_AFTER_DAYS
    alone = False
    place = 0
    for t in range(first, through + 1):
        persons = 0
        newcomers = 0
        total = 0
        while place < len(day) and day[place] == t:
            persons += 1
            newcomers += is_new[place]
            total += messages[place]
            if person[place] != last_person:
                if last_person >= 0:
                    other_day = last_day
                last_person = person[place]
            last_day = t
            alone = is_alone[place]
            place += 1
        if persons > 0:
            active[known] = t
            said[known] = total
            known += 1
        since = t - first
        active_before[since + 1] = active_before[since] + (persons > 0)
        is_silent = since >= 13 and active_before[since + 1] == active_before[since - 13]
        silent_before[since + 1] = silent_before[since] + is_silent
        for h in range(len(_HALF_LIVES)):
            keep = 2 ** (-1 / _HALF_LIVES[h])
            weight[h] = weight[h] * keep + 1
            decayed[0, h] = decayed[0, h] * keep + (persons > 0)
            decayed[1, h] = decayed[1, h] * keep + persons
            decayed[2, h] = decayed[2, h] * keep + newcomers
        if t < opens or since < DEAD_AFTER_DAYS or (since - DEAD_AFTER_DAYS) % every or t - last_day >= DEAD_AFTER_DAYS:
            continue
        at[row] = index
        days[row] = t
        out = values[row]
        column = 0
        for kind in range(3):
            for h in range(len(_HALF_LIVES)):
                out[column] = decayed[kind, h] / weight[h]
                column += 1
        for back in _ACTIVE_DAYS_BACK:
            out[column] = t - active[known - back] if known >= back else since + DEAD_AFTER_DAYS
            column += 1
        for back in _MESSAGES_BACK:
            left = back
            among = known
            while among > 0 and left > 0:
                among -= 1
                left -= said[among]
            out[column] = t - active[among] if left <= 0 else since + DEAD_AFTER_DAYS
            column += 1
        out[column] = t - other_day
        out[column + 1] = alone
        out[column + 2] = since
        _measure_pauses(active[:known], t, out[column + 3 :])
        weeks = min(_WEEKS, (since + 7) // 7)
        lively = 0
        for week in range(weeks):
            opens = max(0, since + 1 - 7 * (week + 1))
            lively += active_before[since + 1 - 7 * week] > active_before[opens]
        out[column + 5] = lively / weeks
        year = min(_YEAR, since + 1)
        out[column + 6] = (silent_before[since + 1] - silent_before[since + 1 - year]) / year
        row += 1
    return row


@compiled
def _measure_pauses(active, t, out):
    """Measure the longest pause of a year, and how often a pause as long as the present silence lasted 28 days more."""
    silence = t - active[-1]
    longest = 0
    reached = 0
    outlasted = 0
    for k in range(1, len(active)):
        pause = active[k] - active[k - 1]
        reached += pause > silence
        outlasted += pause > silence + DEAD_AFTER_DAYS
        if active[k] > t - _YEAR:
            longest = max(longest, pause)
    out[0] = longest
    out[1] = (outlasted + 0.3) / (reached + 1)
