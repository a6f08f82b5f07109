"""How many random examples a property is tried on: all that it needs in `make soak`, a share of them in `make test`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, settings

THOROUGH: Final = "thorough"
QUICK: Final = "quick"

_EACH: Final = 100
"""Examples of a property that asks for no number of its own, in `make soak`."""
_SHARE: Final = 0.1
_LEAST: Final = 2


def register_profiles() -> None:
    """Make both profiles known to hypothesis, and load the quick one; `--hypothesis-profile` loads another."""
    # How long an example takes, or its making, tells of the machine and not of the code.
    calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile(THOROUGH, calm, max_examples=_EACH)
    settings.register_profile(QUICK, calm, max_examples=int(_EACH * _SHARE))
    settings.load_profile(QUICK)


def examples(thorough: int, *, suppress_health_check: Sequence[HealthCheck] = ()) -> settings:
    """Settings of a property: so many examples in `make soak`, the profile's share of them elsewhere."""
    usual = settings()
    wanted = thorough * usual.max_examples // _EACH
    return settings(
        max_examples=max(wanted, min(thorough, _LEAST)),
        suppress_health_check=[*usual.suppress_health_check, *suppress_health_check],
    )
