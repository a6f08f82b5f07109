"""Contracts: what an event, a lake table and a warehouse table look like, and what must hold of them.

Belongs here: event kinds, the envelope, Polars schemas of the lake, SQLAlchemy tables of the warehouse, expectation
suites, funnel definitions. Does not belong here: engines, clients, Dagster, any I/O but reading the packaged YAML.
"""
