"""A carrier that reads headers of its records finds them there."""

from __future__ import annotations

import re

from pipelines.carriers.wires import wires
from tests.docs.pages import ROOT


def test_a_wire_keeps_the_headers_that_the_carrier_of_its_name_reads():
    sources = {file.stem: file.read_text() for file in (ROOT / "pipelines" / "carriers" / "sources").glob("*.yaml")}
    read = {name: {one.lower() for one in re.findall(r"header:([\w-]+)", text)} for name, text in sources.items()}
    kept = {name: set(getattr(wire, "keep", ())) for name, wire in wires().items()}
    assert {"discourse", "shopify"} <= {name for name, headers in read.items() if headers}
    assert [(name, one) for name, headers in kept.items() for one in read.get(name, set()) - headers] == []
