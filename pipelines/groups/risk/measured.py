"""Names of the features that a group's risk is computed from."""

from __future__ import annotations

from typing import Final

HALF_LIVES: Final = (14, 28, 56, 112, 224, 448)
ACTIVE_DAYS_BACK: Final = (1, 2, 3, 5, 10)
MESSAGES_BACK: Final = (2, 5, 10, 50)
DEAD_AFTER_DAYS: Final = 28
FEATURES: Final[tuple[str, ...]] = (
    *(f"{what}_{days}" for what in ("activity", "persons", "newcomers") for days in HALF_LIVES),
    *(f"since_active_day_{back}" for back in ACTIVE_DAYS_BACK),
    *(f"since_message_{back}" for back in MESSAGES_BACK),
    "since_other_person",
    "ends_alone",
    "age",
    "longest_pause",
    "outlasting_pauses",
    "active_weeks",
    "silent_fortnights",
)
