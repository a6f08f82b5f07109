"""From raw records to distinct, valid events and whose they are; all of it pure.

See docs/definitions.md#events, docs/definitions.md#time.
"""
