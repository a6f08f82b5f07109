"""What a person touches: command line, settings, Dagster definitions, embedded services, simulator."""

import os

# Polars gives memory back after half a second by default, and asks for the same pages anew with every batch. It reads
# this when it is first imported.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:-1")
