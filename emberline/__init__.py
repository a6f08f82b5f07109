"""The user-facing parts: command line, settings, Dagster definitions, embedded services, simulator."""

import ctypes
import os

# By default freed memory returns to the system, and each batch has to allocate its pages again (decision 0028). Polars
# reads this when it is first imported.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000")

_MALLOPT = {-3: 1 << 30, -1: 1 << 30, -8: 1}
"""Of the C library: blocks below this size are no mappings of their own, free bytes that stay, number of heaps."""


def _keep_freed_memory() -> None:
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return
    # Only glibc has it.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in _MALLOPT.items():
            mallopt(option, value)


_keep_freed_memory()
