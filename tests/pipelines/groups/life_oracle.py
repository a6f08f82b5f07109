"""The life of one group, in plain Python: one day after another, each judged by looking back over all days before."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from pipelines.groups.thresholds import Thresholds

ORDER = ("alive", "declining", "dying")


@dataclass
class Life:
    """What is known of a group's days, and what was judged of them so far."""

    counts: list[tuple[int, int, int]]
    active: list[bool]
    measured: list[bool]
    rules: Thresholds
    states: list[str] = field(default_factory=list)
    judged: dict[int, dict[str, bool]] = field(default_factory=dict)
    fell: int = 0
    """The day on which the decline that lasts now began."""
    is_silence: bool = False
    """Whether silence made the state of now."""

    def judge(self, born: int, ended: int) -> list[str]:
        """The state of every day."""
        for day in range(len(self.active)):
            self.states.append("ended" if day >= ended else "unborn" if day < born else self._state(day))
        return self.states

    def _state(self, day: int) -> str:
        before = self.states[-1] if self.states else "unborn"
        if before == "unborn":
            self._note(day, "alive")
            return "alive"
        if before == "dead":
            return "revived" if self.active[day] else "dead"
        if self.silent(day) >= self.rules.dead_after_days:
            self.is_silence = False
            return "dead"
        stayed = self.stayed(day) >= self.rules.stay_days
        if before == "revived":
            if not (self.active[day] and stayed):
                return "revived"
            self._note(day, "alive")
            return "alive"
        self._note(day, before)
        if not (self.measured[day] and stayed):
            return before
        if before != "dying" and self.confirmed(day, "below dying"):
            return self._fallen(day, before, "dying")
        if before == "alive" and self.confirmed(day, "below declining"):
            return self._fallen(day, before, "declining")
        if ORDER.index(worse := self.worse(day)) > ORDER.index(before):
            self._fallen(day, before, worse)
            if before == "alive" and not self.judged[day]["below declining"]:
                self.fell = self.last_active(day) + 1
            self.is_silence = True
            return worse
        if self.is_silence:
            if self.silent(day) >= self.rules.silent_days:
                return before
            self.is_silence = False
            if self.confirmed(day, "below dying"):
                return before
            return "declining" if self.confirmed(day, "below declining") else "alive"
        if before != "alive" and self.confirmed(day, "above declining"):
            return "alive"
        if before == "dying" and self.confirmed(day, "above dying"):
            return "declining"
        return before

    def worse(self, day: int) -> str:
        """The state that silence alone would make."""
        rules, now = self.rules, self.silent(day)
        if now < rules.silent_days:
            return "alive"
        began = self.states.index("alive")
        active = [each for each in range(began, day + 1) if self.active[each]]
        ended = [sum(self.measured[first + 1 : last]) for first, last in pairwise(active)]
        as_long = [each for each in ended if each >= now]
        deadly = [each for each in ended if each >= rules.dead_after_days]
        others = ((now + 3) / (rules.dead_after_days + 3)) ** 1.28
        chance = (len(deadly) + 3 * others) / (len(as_long) + 3)
        return "dying" if chance >= rules.dying_chance else "declining" if chance >= rules.declining_chance else "alive"

    def last_active(self, day: int) -> int:
        """The last day with activity."""
        return max(each for each in range(day + 1) if self.active[each])

    def _fallen(self, day: int, before: str, state: str) -> str:
        self.is_silence = False
        if before == "alive":
            days = sorted(self.judged, reverse=True)
            self.fell = day
            for each in days:
                if not self.judged[each]["below declining"]:
                    break
                self.fell = each
        return state

    def begun(self, day: int) -> int:
        """The day on which the life that lasts on a day began."""
        return max(
            each
            for each in range(day + 1)
            if self.state_of(each) not in {"unborn", "dead", "ended"}
            and (each == 0 or self.states[each - 1] in {"unborn", "dead"})
        )

    def state_of(self, day: int) -> str:
        """The state of a day; of today, that it is not over yet."""
        return self.states[day] if day < len(self.states) else "today"

    def silent(self, day: int) -> int:
        """Measured days since the last activity."""
        quiet = 0
        while not self.active[day]:
            quiet += self.measured[day]
            day -= 1
        return quiet

    def stayed(self, day: int) -> int:
        """Days since the state of the day before began."""
        first = day - 1
        while first > 0 and self.states[first - 1] == self.states[day - 1]:
            first -= 1
        return day - first

    def confirmed(self, day: int, what: str) -> bool:
        """Whether something held on as many judged days in a row as it must."""
        latest = sorted((each for each in self.judged if each <= day), reverse=True)[: self.rules.confirm_days]
        return len(latest) == self.rules.confirm_days and all(self.judged[each][what] for each in latest)

    def usual(self, day: int, state: str) -> list[list[int]]:
        """The weeks a day is compared with, each as its counts of the weekdays that are measured now."""
        rules, begun = self.rules, self.begun(day)
        start = day
        if state in {"declining", "dying"}:
            start = max(self.fell, day - 7 * rules.baseline_weeks)
        known = [back for back in range(7) if day - back >= 0 and self.measured[day - back]]
        ends = [end for end in range(day - 7, begun + 5, -7) if end <= start - 7][: rules.baseline_weeks]
        return [
            [sum(self.counts[end - back][column] for back in known) for column in range(3)]
            for end in ends
            if all(self.measured[end - back] for back in known)
        ]

    def _note(self, day: int, state: str) -> None:
        if self.states and self.states[-1] in {"unborn", "dead", "revived"}:
            self.judged.clear()
        if not self.measured[day]:
            return
        rules, weeks = self.rules, self.usual(day, state)
        now = [
            sum(self.counts[each][column] for each in range(max(self.begun(day), day - 6), day + 1))
            for column in range(3)
        ]
        usual = [median(week[column] for week in weeks) for column in range(3)] if weeks else []
        enough = len(weeks) >= rules.least_baseline_weeks

        def below(level: float) -> bool:
            if not enough or usual[1] < rules.least_messages:
                return False
            for column in (0, 1):
                deviation = 1.4826 * median(abs(week[column] - usual[column]) for week in weeks)
                spread = max(deviation, math.sqrt(usual[column]))
                if now[column] >= level * usual[column] or usual[column] - now[column] < rules.deviations * spread:
                    return False
            return True

        def above(level: float) -> bool:
            if not enough:
                return False
            if usual[1] >= rules.least_messages and now[0] >= level * usual[0]:
                return True
            return now[1] >= level * max(usual[1], rules.least_messages)

        self.judged[day] = {
            "below declining": below(rules.declining_enter),
            "below dying": below(rules.dying_enter),
            "above declining": above(rules.declining_leave),
            "above dying": above(rules.dying_leave),
        }
