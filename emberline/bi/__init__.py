"""Dashboards for BI tools, and Superset to show them."""
