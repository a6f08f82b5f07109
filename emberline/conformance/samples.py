"""Payloads in a file, for somebody who writes a carrier."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipelines.carriers.base import JSON_ERRORS
from schemas.errors import EmberlineError


class SampleError(EmberlineError):
    """A file of payloads cannot be read."""


def payloads(file: Path) -> list[bytes]:
    """Read payloads: each element of a JSON list, one object a line (`.jsonl`), or else the file as it is.

    Raises:
        SampleError: The file cannot be read, has no payload, or is no JSON although its name ends so.
    """
    if found := _read(file):
        return found
    raise SampleError(f"{file} holds no payload.", "Give a file that holds one or more.")


def _read(file: Path) -> list[bytes]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SampleError(f"{file} cannot be read: {error.strerror}", "Give a file of payloads.") from error
    if file.suffix in {".jsonl", ".ndjson"}:
        return [line for line in content.splitlines() if line.strip()]
    if not content.strip():
        return []
    if file.suffix != ".json":
        return [content]
    try:
        found = msgspec.json.decode(content)
    except JSON_ERRORS as error:
        raise SampleError(f"{file} is no JSON: {error}", "For one object a line call it .jsonl.") from error
    return [msgspec.json.encode(one) for one in found] if isinstance(found, list) else [content]
