"""A carrier that there is not, mapped by a page of YAML, for the tests of the language."""

from __future__ import annotations

from typing import Any

import msgspec

from pipelines.carriers.base import Decoded
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.mapping.model import parse_mapping

HEAD = """
name: beacon
title: Beacon
platform: beacon
coverage: full
membership: events
time_quality: second
"""

SENT = """
      - kind: message.sent
        id: "message/{id}"
        time: {of: "{at}", unit: seconds}
        group: "{room}"
        account: "{by}"
        message_id: "{id}"
"""


def beacon(rest: str, head: str = HEAD) -> MappedCarrier:
    """The carrier whose mapping goes on like this."""
    return MappedCarrier(parse_mapping(head + rest, "beacon.yaml"))


def sending(columns: str, head: str = HEAD) -> MappedCarrier:
    """A carrier that makes a message of every payload, with further columns (lines of YAML)."""
    lines = "".join(f"        {line}\n" for line in columns.strip().splitlines())
    return beacon(f"cases:\n  - emit:{SENT}{lines}", head)


def message(**fields: Any) -> bytes:
    """A payload of `sending`."""
    whole = {"id": 7, "at": 1_600_000_000, "room": 1, "by": "ann"} | fields
    return msgspec.json.encode({name: value for name, value in whole.items() if value is not ...})


def cell(carrier: MappedCarrier, column: str, value: bytes) -> Any:
    """A column of the one event that a payload gives."""
    decoded = carrier.decode([value])
    assert decoded.rejected.is_empty(), decoded.rejected.to_dicts()
    [event] = decoded.events.to_dicts()
    return event[column]


def rejection(decoded: Decoded) -> tuple[str, str]:
    """Reason and detail of the one payload that was rejected."""
    [(_, reason, detail)] = decoded.rejected.rows()
    return reason, detail
