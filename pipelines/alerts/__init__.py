"""Alerts on groups and the pipeline: what is told of what, in which channels, once each (docs/definitions.md#alerts).

`rules`, `decide`, `quiet` and `messages` are pure. The edges are `ledger` and `outbox` (PostgreSQL) and `channels`
(Apprise and Kafka).
"""
