"""Revisions of the warehouse's structure, in the order in which Alembic runs them; see `pipelines.publish.upgrade`."""
