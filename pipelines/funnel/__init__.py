"""From joining to buying again: funnel steps, chains, credit of orders to groups (definitions, sections 4 and 6)."""

from pipelines.funnel.attribution import order_credit
from pipelines.funnel.funnel import funnel

__all__ = ["funnel", "order_credit"]
