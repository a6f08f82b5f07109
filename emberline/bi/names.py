"""Names and UUIDs of the parts of the bundle."""

from __future__ import annotations

import uuid
from typing import Final

DATABASE: Final = "emberline_warehouse"
_NAMESPACE: Final = uuid.UUID("6f0f2a57-64c4-5d4a-9a53-7f6c1f1c2b11")


def uuid_of(kind: str, name: str) -> str:
    """The UUID of a part: the same for the same name, in every bundle."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def worded(name: str) -> str:
    """The display name of a column or metric: `group_name` -> "Group name"."""
    return name.replace("_", " ").capitalize()
