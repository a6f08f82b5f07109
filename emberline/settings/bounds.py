"""Bounds of settings: the highest values whose results still fit into dates, durations and 64-bit integers."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

DAYS: Final = 36_500
WEEKS: Final = DAYS // 7
HOURS: Final = DAYS * 24
MINUTES: Final = HOURS * 60
SECONDS: Final = 86_400
COUNT: Final = 1_000_000_000
MEGABYTES: Final = 1 << 20
BYTES: Final = MEGABYTES << 20
PORTS: Final = (1 << 16) - 1

Share = Annotated[float, Field(gt=0, le=1)]
"""A share of a whole, above 0."""
