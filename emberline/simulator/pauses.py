"""Groups that pause for weeks again and again, what operators do then, and the outcome without their actions.

From `company.PAUSES_FROM` on such a group talks each day or pauses. Pauses begin and end by chance. When one is 7 days
old, operators may write, which ends some of them (`Scenario.revival`), or note an offer, which ends none; the longer
the pause, the likelier they do.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.clock import HOUR, Calendar, Flags, Instants
from emberline.simulator.company import PAUSES_FROM, Company
from emberline.simulator.people import People
from emberline.simulator.rows import NOTES, rows
from emberline.simulator.scenario import Scenario
from emberline.simulator.staff import operators, staff_minute
from schemas import kinds

WROTE: Final = "operator_wrote"
OFFER: Final = "offer"
ACTIONS: Final = (WROTE, OFFER)
AFTER_DAYS: Final = 28

_ONSET: Final = 1 / 60
_END: Final = 1 / 40
_SILENT: Final = 7
_REST: Final = 28
_EAGER: Final = 0.06
_NOON: Final = 12
_LATELY: Final = 7
_WORDS_A_DAY: Final = 3
_LONG_AGO: Final = -1_000

_OUTCOME: Final = pl.Schema({
    "group_id": pl.String, "action": pl.String, "day": pl.Date, "talks": pl.Boolean, "talks_without": pl.Boolean,
})  # fmt: skip

Draws = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chance:
    """All random numbers, from 0 to 1, one per pausing group and day: a change on one day does not shift other draws.

    Attributes:
        group: Indices of the pausing groups.
        falls: [groups, days] decides whether a pause begins.
        ends: [groups, days] decides whether a pause ends by itself.
        works: [groups, days] decides whether an operator's message ends a pause.
        acts: [actions, groups, days] decides whether operators act.
        hours: [groups, days, messages] times of members' messages, as shares of the hours from 8 to 22.
    """

    group: npt.NDArray[np.int64]
    falls: Draws
    ends: Draws
    works: Draws
    acts: Draws
    hours: Draws

    @classmethod
    def of(cls, scenario: Scenario, company: Company, rng: np.random.Generator) -> Chance:
        """Draw for all days of the pausing groups."""
        group = np.flatnonzero(company.has_fate("pauses"))
        shape = (len(group), scenario.days)
        falls, ends, works = (rng.random(shape) for _ in range(3))
        acts, hours = rng.random((len(ACTIONS), *shape)), rng.random((*shape, _WORDS_A_DAY))
        return cls(group, falls, ends, works, acts, np.sort(hours, axis=2))


@dataclass(frozen=True)
class Course:
    """What happened, given the random numbers `chance`: `talks` [groups, days], `done` [actions, groups, days]."""

    chance: Chance
    talks: Flags
    done: Flags


def course(scenario: Scenario, chance: Chance, withheld: Flags | None = None) -> Course:
    """Simulate the groups day by day, without the `withheld` actions [actions, groups, days]."""
    groups, days = chance.falls.shape
    talks, done = np.zeros((groups, days), bool), np.zeros(chance.acts.shape, bool)
    pauses, spoke = np.zeros(groups, bool), np.full(groups, PAUSES_FROM)
    acted = np.full((len(ACTIONS), groups), _LONG_AGO)
    for day in range(PAUSES_FROM, days):
        talks[:, day] = ~pauses
        spoke = np.where(pauses, spoke, day)
        silent = day - 1 - spoke
        eager = _EAGER * np.clip(silent / 14, 0.5, 1.5)
        done[:, :, day] = (silent >= _SILENT) & (day - acted > _REST) & (chance.acts[:, :, day] < eager)
        if withheld is not None:
            done[:, :, day] &= ~withheld[:, :, day]
        acted = np.where(done[:, :, day], day, acted)
        works = done[ACTIONS.index(WROTE), :, day] & (chance.works[:, day] < scenario.revival)
        pauses = np.where(pauses, ~(works | (chance.ends[:, day] < _END)), chance.falls[:, day] < _ONSET)
    return Course(chance, talks, done)


def between_pauses(
    calendar: Calendar, company: Company, people: People, course: Course
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Instants]:
    """What the founders of pausing groups say on the days on which these talk: person, group, time."""
    row, day = np.nonzero(course.talks)
    word = np.tile(np.arange(_WORDS_A_DAY), len(row))
    row, day = np.repeat(row, _WORDS_A_DAY), np.repeat(day, _WORDS_A_DAY)
    group = course.chance.group[row]
    founder = np.full((company.size, _WORDS_A_DAY), -1)
    founders = np.flatnonzero(people.founder >= 0)
    founder[people.home[founders], people.founder[founders]] = founders
    time = calendar.midnights[day] + 8 * HOUR + (course.chance.hours[row, day, word] * 14 * HOUR).astype(np.int64)
    told = time < company.feed[group]
    return founder[group, word][told], group[told], time[told]


def interventions(calendar: Calendar, company: Company, carriers: pl.Series, course: Course) -> pl.DataFrame:
    """What operators do in pauses: they write, or somebody notes an offer."""
    frames = []
    for action, done in zip(ACTIONS, course.done, strict=True):
        row, day = np.nonzero(done)
        group = course.chance.group[row]
        time = calendar.midnights[day] + staff_minute(_NOON, group)
        told = time < company.feed[group]
        group, time = group[told], time[told]
        if action == OFFER:
            note = {"intervention": OFFER, "intervention_note": "Simulated offer"}
            frames.append(rows(kinds.GROUP_INTERVENTION, NOTES, time, group_id=company.ids.gather(group), **note))
        else:
            ids = "simulated-question-" + pl.int_range(len(group), eager=True).cast(pl.String)
            frames.append(rows(
                kinds.MESSAGE_SENT, carriers.gather(company.carrier[group]), time, role="operator",
                member_id=operators(company, carriers).gather(group), group_id=company.ids.gather(group),
                message_id=ids, message_kind="text", text_length=40,
            ))  # fmt: skip
    return pl.concat(frames, how="diagonal")


def outcomes(scenario: Scenario, calendar: Calendar, company: Company, lived: Course) -> pl.DataFrame:
    """Whether groups talked 28 days after each action, and would have without it; see `Truth.interventions`."""
    frames = [pl.DataFrame(schema=_OUTCOME)]
    for number, action in enumerate(ACTIONS):
        row, day = np.nonzero(lived.done[number])
        # Of each group one action at a time is withheld: what follows it may be other than what was.
        turn = np.arange(len(row)) - np.searchsorted(row, row)
        for which in np.unique(turn):
            of_turn = turn == which
            some, days = row[of_turn], day[of_turn]
            withheld = np.zeros(lived.done.shape, bool)
            for one, begins in zip(some, days, strict=True):
                withheld[number, one, begins : begins + AFTER_DAYS + 1] = True
            without = course(scenario, lived.chance, withheld)
            frames.append(
                pl.DataFrame(
                    {
                        "group_id": company.ids.gather(lived.chance.group[some]),
                        "action": [action] * len(some),
                        "day": [calendar.start + dt.timedelta(days=int(begins)) for begins in days],
                        "talks": _talked(lived.talks, some, days + AFTER_DAYS),
                        "talks_without": _talked(without.talks, some, days + AFTER_DAYS),
                    },
                    schema=_OUTCOME,
                )
            )
    return pl.concat(frames).sort("group_id", "action", "day")


def _talked(talks: Flags, row: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> list[bool | None]:
    """Whether each group talked in the 7 days that end with a day; None if that day was not simulated."""
    return [
        bool(talks[one, until - _LATELY + 1 : until + 1].any()) if until < talks.shape[1] else None
        for one, until in zip(row, day, strict=True)
    ]
