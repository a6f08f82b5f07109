"""What a person touches: command line, settings, Dagster definitions, embedded services, simulator."""

import os

# Batch follows batch: by default Polars gives memory back after half a second, and each batch has its pages made anew.
# Polars reads this when it is first imported (decision 0028).
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000")
