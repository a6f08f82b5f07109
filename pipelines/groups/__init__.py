"""What happened in groups and how they live and die (docs/definitions.md#life-of-a-group)."""
