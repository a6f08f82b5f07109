"""The edge to the warehouse: write a staging version, audit it, publish it in one transaction.

Here belong: loading `staging`, running the expectation suites of `schemas.expectations` on it, and
switching `mart`. Not here: what the numbers mean, when a publish happens, what a failed check stops.
"""
