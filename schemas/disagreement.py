"""Why the state of a group and its risk say different things: a closed list."""

from __future__ import annotations

from typing import Final

MEMBERS_PRESENT: Final = "members_present"
NOTHING_FELL: Final = "nothing_fell"

DISAGREEMENTS: Final = {
    MEMBERS_PRESENT: "less happens than usual, and yet members are there, while the risk is that nobody is",
    NOTHING_FELL: "nothing has fallen below what is usual yet, while the risk looks at the next 28 days",
}
"""Each reason as a sentence without a full stop."""
