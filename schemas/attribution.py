"""Names of attribution models and of what is credited to none (docs/definitions.md#attribution)."""

from __future__ import annotations

from typing import Final, Literal, get_args

Model = Literal["last_click", "first_click", "last_exposure", "linear", "position_based", "time_decay"]
"""How the credit of an order is split over the touches before its payment."""

MODELS: Final[tuple[Model, ...]] = get_args(Model)

UNATTRIBUTED: Final = "unattributed"
"""The group, message or segment of sales that no touch is credited with."""

UNKNOWN: Final = "unknown"
"""The message of a credited group if no event names it, and the purpose of a group if no event gives it."""
