"""The mapping language: a carrier as a page of YAML, read once and compiled (docs/reference/mapping.md)."""
