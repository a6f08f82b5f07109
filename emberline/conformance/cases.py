"""Cases of a carrier as data: payloads, and the expected results.

    - name: a message
      payload: {id: 7, room: 1, text: Hello}      # an object; or `text:`, a payload as it stands
      headers: {X-Topic: posts}
      events:
        - {type: message.sent, group_id: "beacon:1", text_length: 5}
    - name: a heartbeat
      payload: {type: ping}
      ignored: a heartbeat
    - name: a message without an id
      payload: {room: 1}
      rejected: {reason: missing_field, detail: id}

Only the named columns of an event are compared; `events` lists all events in their order. `numbers`, if given, lists
all sequence numbers of the payload: `[{group_id: "beacon:1", number: 7}]`; `totals` all control totals.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import yaml

from schemas.errors import EmberlineError
from schemas.lake import HEADERS


class CasesError(EmberlineError):
    """A file of cases cannot be read."""


class Rejected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a payload is quarantined: the reason, and a part of the detail."""

    reason: str
    detail: str = ""


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A payload and its expected result: events, or `ignored`, or `rejected`; and its sequence numbers and totals."""

    name: str
    payload: Any = None
    text: str | None = None
    headers: dict[str, str] = {}
    events: list[dict[str, Any]] = []
    ignored: str | None = None
    rejected: Rejected | None = None
    numbers: list[dict[str, Any]] | None = None
    totals: list[dict[str, Any]] | None = None

    @property
    def value(self) -> bytes:
        """The payload's bytes."""
        return self.text.encode() if self.text is not None else msgspec.json.encode(self.payload)

    @property
    def header_column(self) -> pl.Series:
        """The headers of its record, as a column with one row."""
        given = [{"key": name, "value": text.encode()} for name, text in self.headers.items()]
        return pl.Series([given], dtype=HEADERS)


def read_cases(file: Path, samples: Path | None = None) -> list[Case]:
    """Read the cases of a carrier; a case with `sample:` takes its payload from that file below `samples`.

    An element of a sample that is a list is given by its index after a colon: `sample: napcat/events.json:2`. Fields
    of `payload` beside it are added to the sample or replace its own, such as an envelope that the sample lacks.

    Raises:
        CasesError: The file does not have this form.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        cases = msgspec.convert(document, list[dict[str, Any]])
        return [msgspec.convert(_with_payload(one, samples), Case) for one in cases]
    except (OSError, ValueError, RecursionError, yaml.YAMLError, msgspec.MsgspecError, TypeError, LookupError) as error:
        raise CasesError(
            f"The cases cannot be read: {error}",
            "Correct the file; docs/how-to/add-a-carrier.md shows its form.",
            str(file),
        ) from error


def _with_payload(case: dict[str, Any], samples: Path | None) -> dict[str, Any]:
    given = {name: value for name, value in case.items() if name != "sample"}
    if "sample" not in case:
        return given
    if samples is None:
        raise LookupError(f"{case['name']}: there is no folder of samples")
    name, _, place = str(case["sample"]).partition(":")
    content = (samples / name).read_bytes()
    if not name.endswith(".json"):
        return given | {"text": content.decode("utf-8")}
    payload = msgspec.json.decode(content)
    sampled = payload[int(place)] if place else payload
    return given | {"payload": sampled | given["payload"] if "payload" in given else sampled}
