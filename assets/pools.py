"""Pools limit how many runs do something at once. Their limits are in `dagster.yaml`."""

from __future__ import annotations

from typing import Final

WRITER: Final = "writer"
"""Writes the lake or the warehouse. Two such runs would be exact, but one of them would fail and begin anew."""
