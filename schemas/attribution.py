"""The words of attribution (docs/definitions.md#attribution)."""

from __future__ import annotations

from typing import Final, Literal, get_args

Model = Literal["last_click", "first_click", "last_exposure", "linear", "position_based", "time_decay"]
"""How the credit of an order is split over the touches before its payment."""

MODELS: Final[tuple[Model, ...]] = get_args(Model)

UNATTRIBUTED: Final = "unattributed"
"""Stands for the group, the message or the segment of sales that no touch is credited with."""

UNKNOWN: Final = "unknown"
"""Stands for the message of a credited group where no event names one, and for a purpose that nobody told."""
