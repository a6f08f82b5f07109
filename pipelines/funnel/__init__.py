"""From joining to buying again: funnel steps, chains, credit of orders to groups (definitions, sections 4 and 6)."""

from pipelines.funnel.attribution import order_credit as order_credit
