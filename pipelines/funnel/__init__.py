"""Funnels from joining to buying again: steps, chains, and credit of orders to groups.

See docs/definitions.md#funnel, docs/definitions.md#attribution.
"""

from pipelines.funnel.attribution import order_credit
from pipelines.funnel.funnel import funnel

__all__ = ["funnel", "order_credit"]
