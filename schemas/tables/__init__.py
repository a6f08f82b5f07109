"""The lake tables, declared by subject; `schemas.lake` lists all of them."""
