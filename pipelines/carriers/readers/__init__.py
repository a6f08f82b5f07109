"""Readers convert exported files and folders to payloads for a carrier, one module per kind of export.

A reader only knows its files: no Kafka, no lake. Those of this package are the modules of `formats`; other packages add
theirs by the entry point group `emberline.readers`, each naming an instance of `Reader`.
"""

from __future__ import annotations

from pipelines.carriers.readers.base import Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.registry import Found, detect, readers

__all__ = ["Found", "ReadOptions", "Reader", "Sniffed", "detect", "readers"]
