"""From raw records to distinct, valid events and whose they are; all of it pure (definitions, sections 2 and 3)."""
