"""Alerts on groups and the pipeline, each delivered once to each of its channels (docs/definitions.md#alerts).

`rules`, `decide`, `quiet` and `messages` are pure. The edges are `ledger` and `outbox` (PostgreSQL) and `channels`
(Apprise and Kafka).
"""
