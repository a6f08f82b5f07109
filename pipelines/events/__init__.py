"""From raw records to distinct, valid events and their persons; all pure functions.

See docs/definitions.md#events, docs/definitions.md#time.
"""
