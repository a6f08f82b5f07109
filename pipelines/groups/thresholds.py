"""Thresholds of decline, dying and death: the company's, and those of single purposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LEAVES: Final = 0.75
"""Hysteresis of alerts: a risk that reached the line stays high down to this share of the line."""


class Thresholds(NamedTuple):
    """Thresholds at which a group changes its state (docs/definitions.md#life-of-a-group).

    A level is a share of the group's own baseline. A group is declining or dying once both its speakers and its
    messages of 7 days are below the level to enter, until one of them reaches the level to leave; or while a silence is
    likely to last until the group is dead.

    Attributes:
        dead_after_days: Measured days without member activity after which a group is dead.
        baseline_weeks: Most weeks in the baseline.
        least_baseline_weeks: Fewest weeks in a baseline; a younger group is not judged.
        least_messages: A group with fewer messages in a usual week is not judged.
        deviations: The fall must also be this many robust standard deviations below the baseline.
        confirm_days: Consecutive measured days on which a level must hold.
        stay_days: Least days in a state; death and end do not wait.
        declining_enter, declining_leave, dying_enter, dying_leave: The levels.
        silent_days: Measured days without member activity from which on the chance of death is judged.
        declining_chance, dying_chance: Least chance that the silence lasts until the group is dead; 1 switches it off.
    """

    dead_after_days: int = 28
    baseline_weeks: int = 12
    least_baseline_weeks: int = 4
    least_messages: float = 10.0
    deviations: float = 1.0
    confirm_days: int = 10
    stay_days: int = 7
    declining_enter: float = 0.6
    declining_leave: float = 0.75
    dying_enter: float = 0.3
    dying_leave: float = 0.45
    silent_days: int = 7
    declining_chance: float = 0.3
    dying_chance: float = 0.5


@dataclass(frozen=True)
class LifeRules:
    """The thresholds of all groups, and overrides by purpose."""

    general: Thresholds = field(default_factory=Thresholds)
    by_purpose: Mapping[str, Thresholds] = field(default_factory=dict)

    def of(self, purpose: str | None) -> Thresholds:
        """Return the thresholds of groups of a purpose; None: a group without one."""
        return self.general if purpose is None else self.by_purpose.get(purpose, self.general)
