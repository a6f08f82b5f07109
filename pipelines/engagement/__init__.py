"""Who was active when: person days, first activity, retention and lifecycle (definitions, section 5)."""
