"""Dagster assets and checks. Thin: read, call one pipeline function, write, report what was done.

Belongs here: wiring, metadata, one file per asset group. Does not belong here: arithmetic, SQL, clients.
"""
