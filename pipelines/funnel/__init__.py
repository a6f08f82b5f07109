"""From joining to buying again: funnel steps, chains, credit of orders to groups (definitions, sections 4 and 6)."""
