"""What is taken for decline, dying and death: the company's thresholds, and those of single purposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LEAVES: Final = 0.75
"""The share of the risk's line down to which a risk that reached it stays high, so that alerts do not come and go."""


class Thresholds(NamedTuple):
    """When a group changes its state (docs/definitions.md#life-of-a-group).

    A level is a share of the group's own baseline. A group declines, or is dying, where both its speakers and its
    messages of 7 days are below the level to enter, and recovers where one of them is at or above the level to leave;
    or where its silence is likely to last until it is dead, until that is over.

    Attributes:
        dead_after_days: Measured days without member activity after which a group is dead.
        baseline_weeks: Most weeks before that make the baseline.
        least_baseline_weeks: Fewest; a younger group is not judged.
        least_messages: Messages in a usual week below which a group is not judged.
        deviations: How many robust standard deviations below the baseline a fall must be, too.
        confirm_days: Measured days in a row on which a level must hold.
        stay_days: Days before a state may give way to another; death and end do not wait.
        declining_enter, declining_leave, dying_enter, dying_leave: The levels.
        silent_days: Measured days without member activity from which on the chance is asked that they go on.
        declining_chance, dying_chance: The chances that the silence lasts until the group is dead; at 1 none has it.
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
    """The thresholds of all groups, and those of groups of a purpose in their place."""

    general: Thresholds = field(default_factory=Thresholds)
    by_purpose: Mapping[str, Thresholds] = field(default_factory=dict)

    def of(self, purpose: str | None) -> Thresholds:
        """The thresholds of groups of a purpose; None where a group has none."""
        return self.general if purpose is None else self.by_purpose.get(purpose, self.general)
