"""Alerts on groups: what to tell of whom, to which channels, until each was told once (docs/definitions.md#alerts).

`rules`, `decide`, `quiet` and `messages` are pure. The edges are `ledger` and `outbox` (PostgreSQL) and `channels`
(Apprise and Kafka).
"""
