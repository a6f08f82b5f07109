"""What happened in groups and how they live and die (definitions, section 7)."""
