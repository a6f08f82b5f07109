"""Engagement of persons: retention, lifecycle, states, value.

See docs/definitions.md#engagement.
"""

from __future__ import annotations

from pipelines.engagement.retention import retention

__all__ = ["retention"]
