"""What a company does for a group: the words for it (docs/definitions.md#interventions)."""

from __future__ import annotations

from typing import Final, Literal, get_args

Action = Literal[
    "operator_wrote", "red_packet", "broadcast", "invitation_wave", "new_operator", "event", "offer", "call", "other"
]
"""What was done. The stream shows those of `SEEN`; people say any of them."""

ACTIONS: Final[tuple[str, ...]] = get_args(Action)
SEEN: Final = ("operator_wrote", "red_packet", "broadcast", "invitation_wave", "new_operator")
"""Actions that are read from the stream."""

Origin = Literal["noted", "seen"]
"""How it is known: somebody said so, or the stream shows it."""

ORIGINS: Final[tuple[str, ...]] = get_args(Origin)
