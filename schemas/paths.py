"""What stands in paths to an order and without one (docs/definitions.md#paths)."""

from __future__ import annotations

from typing import Final

from schemas import kinds

STAGES: Final = {kinds.PRODUCT_VIEWED: "view", kinds.CART_ADDED: "cart"}
"""The touchpoints in a shop; a touchpoint in a group is a clicked link, and is named by the group's purpose."""

CLICK: Final = "click"

BETWEEN: Final = " > "

NONE: Final = "none"
"""The path of an order without a touchpoint."""

LONGEST: Final = 5
"""Most touchpoints of a path with a row of its own; with any more, persons would have paths of their own, too."""

LONGER: Final = "longer"
"""The path of all that have more touchpoints than `LONGEST`."""
