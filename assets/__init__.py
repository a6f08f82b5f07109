"""Dagster assets and checks. Thin: read, call one pipeline function, write, say what was done.

Belongs here: wiring, metadata, asset groups, one a file. Does not belong here: arithmetic, SQL, clients.
"""
