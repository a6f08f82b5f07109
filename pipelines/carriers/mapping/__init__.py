"""The mapping language: a carrier as a page of YAML that is compiled (docs/reference/mapping.md)."""
