"""The state machine of one group's life, as a compiled loop over its days.

It is a loop because a state depends on the state before it and on consecutive days.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import compiled
from pipelines.groups.silence import outlasting
from pipelines.groups.thresholds import Thresholds
from schemas.lake import GROUP_STATES

UNBORN, ALIVE, DECLINING, DYING, DEAD, REVIVED, ENDED = range(len(GROUP_STATES))

SPEAKERS, MESSAGES, REPLIES = range(3)
"""Columns of the counts."""

LIVING: Final = tuple(GROUP_STATES[state] for state in (ALIVE, DECLINING, DYING, REVIVED))
"""States in which a group can fall ill."""

WEEK: Final = 7
MONTH: Final = 28
_MAD_TO_DEVIATION: Final = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""


@compiled
def live(
    counts: NDArray[np.int64],
    is_active: NDArray[np.bool_],
    is_measured: NDArray[np.bool_],
    born: int,
    ended: int,
    rules: Thresholds,
) -> tuple[
    NDArray[np.int8],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
]:
    """Compute the state of one group on each day (docs/definitions.md#life-of-a-group).

    The last 7 days are compared with a baseline: the same measured weekdays of up to `baseline_weeks` weeks before.
    While a group is declining or dying, the baseline is the weeks before the decline began, until the decline is older
    than the baseline is long. A baseline never reaches back beyond birth or revival. Silences are compared with those
    since birth (`pipelines.groups.silence`).

    Args:
        counts: [days, 3] speakers, messages and replies of members on each day, from the first day on.
        is_active: [days] whether a member was active.
        is_measured: [days] whether anything is known of the day. An unmeasured day neither changes a state nor counts.
        born: Day of birth; the number of days, or more, if it is not known yet.
        ended: Day from which on the group has ended; the same if it is not known.
        rules: The thresholds.

    Returns:
        Seven arrays, filled from birth to the end, 0 or NaN elsewhere: [days] state, index into `GROUP_STATES`;
        [days, 3] counts of 7 days; [days, 3] their usual values, NaN without a baseline; [days] weeks of the baseline;
        [days] measured days since the last activity; [days] the chance that the silence lasts until death, on the day
        on which it made the state, 0 on the day on which that silence is over, else NaN; [days, 2] on the same days,
        the number of earlier silences that were as long, and of these that lasted until death.
    """
    n_days = len(is_active)
    states = np.full(n_days, UNBORN, np.int8)
    sums = np.zeros((n_days, 3), np.int64)
    usual = np.full((n_days, 3), np.nan)
    weeks = np.zeros(n_days, np.int64)
    silences = np.zeros(n_days, np.int64)
    chances, earlier = np.full(n_days, np.nan), np.zeros((n_days, 2), np.int64)
    lengths = np.zeros(rules.dead_after_days + 1, np.int64)
    is_silence, last_active = False, 0
    spread, past = np.empty(3), np.empty((3, rules.baseline_weeks))
    state, since, begun, silent = UNBORN, 0, 0, 0
    fall, plunge, recovery, rally, fell = 0, 0, 0, 0, 0
    for day in range(min(born, ended), n_days):
        if day >= ended:
            states[day] = ENDED
            continue
        if is_active[day]:
            if silent > 0:
                lengths[min(silent, rules.dead_after_days)] += 1
            silent, last_active = 0, day
        else:
            silent += is_measured[day]
        silences[day] = silent
        before = state
        if state == UNBORN:
            state = ALIVE
        elif state == DEAD:
            state = REVIVED if is_active[day] else DEAD
        elif silent >= rules.dead_after_days:
            state = DEAD
        elif state == REVIVED:
            state = ALIVE if is_active[day] and day - since >= rules.stay_days else REVIVED
        if state != before and (before == UNBORN or state == REVIVED):
            begun = day
        is_declined = state in (DECLINING, DYING)
        start = max(fell, day - WEEK * rules.baseline_weeks) if is_declined else day
        weeks[day] = _baseline(counts, is_measured, day, start, begun, rules, sums[day], usual[day], spread, past)
        if state == ALIVE or is_declined:
            # An unmeasured day neither confirms a level nor interrupts the days that did.
            if is_measured[day]:
                fall = fall + 1 if _is_below(sums[day], usual[day], spread, rules.declining_enter, rules) else 0
                plunge = plunge + 1 if _is_below(sums[day], usual[day], spread, rules.dying_enter, rules) else 0
                recovery = recovery + 1 if _is_back(sums[day], usual[day], rules.declining_leave, rules) else 0
                rally = rally + 1 if _is_back(sums[day], usual[day], rules.dying_leave, rules) else 0
                if not is_declined and fall == 1:
                    fell = day
            if is_measured[day] and state == before and day - since >= rules.stay_days:
                worse, chance, as_long, deadly = ALIVE, 0.0, 0, 0
                if silent >= rules.silent_days:
                    chance, as_long, deadly = outlasting(lengths, silent)
                    if chance >= rules.dying_chance:
                        worse = DYING
                    elif chance >= rules.declining_chance:
                        worse = DECLINING
                if state != DYING and plunge >= rules.confirm_days:
                    state, is_silence = DYING, False
                elif state == ALIVE and fall >= rules.confirm_days:
                    state, is_silence = DECLINING, False
                elif worse > state:
                    if state == ALIVE and fall == 0:
                        fell = last_active + 1
                    state, is_silence = worse, True
                    chances[day], earlier[day, 0], earlier[day, 1] = chance, as_long, deadly
                elif is_declined and is_silence:
                    # A state made by silence ends with the silence, unless the volume has fallen too.
                    if silent < rules.silent_days:
                        is_silence, chances[day] = False, 0.0
                        if plunge < rules.confirm_days:
                            state = DECLINING if fall >= rules.confirm_days else ALIVE
                elif is_declined and recovery >= rules.confirm_days:
                    state = ALIVE
                elif state == DYING and rally >= rules.confirm_days:
                    state = DECLINING
        if state != before:
            since = day
        if state in (DEAD, REVIVED):
            is_silence = False
            fall, plunge, recovery, rally = 0, 0, 0, 0
        states[day] = state
    return states, sums, usual, weeks, silences, chances, earlier


@compiled
def _baseline(
    counts: NDArray[np.int64],
    is_measured: NDArray[np.bool_],
    day: int,
    start: int,
    begun: int,
    rules: Thresholds,
    sums: NDArray[np.int64],
    usual: NDArray[np.float64],
    spread: NDArray[np.float64],
    past: NDArray[np.float64],
) -> int:
    """Sum up the week that ends with `day`; compute its usual value and spread from weeks that end before `start`.

    Writes to `sums`, `usual` and `spread`, [3] each; the latter two stay unchanged if there is no baseline. `past`,
    [3, `baseline_weeks`], is a buffer.

    Returns:
        The number of weeks in the baseline, 0 if they are too few.
    """
    for back in range(min(WEEK, day - begun + 1)):
        for column in range(3):
            sums[column] += counts[day - back, column]
    found = 0
    # Whole weeks back, so that weekdays match; the last one ends before the week of `start` begins.
    nearest = 1 + (day - start + WEEK - 1) // WEEK
    for lag in range(nearest, nearest + rules.baseline_weeks):
        end = day - lag * WEEK
        if end - WEEK + 1 < begun:
            break
        past[:, found] = 0
        is_whole = True
        for back in range(WEEK):
            if is_measured[day - back]:
                is_whole = is_whole and is_measured[end - back]
                for column in range(3):
                    past[column, found] += counts[end - back, column]
        found += is_whole
    if found < rules.least_baseline_weeks:
        return 0
    for column in range(3):
        weekly = past[column, :found]
        usual[column] = _median(weekly)
        for week in range(found):
            weekly[week] = abs(weekly[week] - usual[column])
        # Small counts vary by the root of their mean (Poisson) even if nothing changes.
        spread[column] = max(_MAD_TO_DEVIATION * _median(weekly), np.sqrt(usual[column]))
    return found


@compiled
def _median(values: NDArray[np.float64]) -> float:
    """Return the median of a few values, which it sorts in place by insertion."""
    for begin in range(1, len(values)):
        value, place = values[begin], begin
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


@compiled
def _is_below(
    sums: NDArray[np.int64],
    usual: NDArray[np.float64],
    spread: NDArray[np.float64],
    level: float,
    rules: Thresholds,
) -> bool:
    """Whether speakers and messages are below a level of the usual by more than chance, if the group has the volume."""
    # Without a baseline (NaN) every comparison is false.
    if not usual[MESSAGES] >= rules.least_messages:
        return False
    for column in (SPEAKERS, MESSAGES):
        fallen = usual[column] - sums[column]
        if sums[column] >= level * usual[column] or fallen < rules.deviations * spread[column]:
            return False
    return True


@compiled
def _is_back(sums: NDArray[np.int64], usual: NDArray[np.float64], level: float, rules: Thresholds) -> bool:
    """Whether speakers or messages reach a level of the usual; messages count only if the group has the volume."""
    if np.isnan(usual[MESSAGES]):
        return False
    has_volume = usual[MESSAGES] >= rules.least_messages
    if has_volume and sums[SPEAKERS] >= level * usual[SPEAKERS]:
        return True
    return sums[MESSAGES] >= level * max(usual[MESSAGES], rules.least_messages)
