"""Readers: files and folders that people exported, as payloads that a carrier decodes. One module a kind of export.

A reader knows its files and nothing else: no Kafka, no lake. Those of this package are the modules of `formats`; a
separate package brings one by the entry point group `emberline.readers`, which names an instance of `Reader`.
"""

from __future__ import annotations

from pipelines.carriers.readers.base import Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.registry import Found, detect, readers

__all__ = ["Found", "ReadOptions", "Reader", "Sniffed", "detect", "readers"]
