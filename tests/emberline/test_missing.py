"""`status` says what did not arrive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from emberline.cli.services import _condition_lines
from emberline.services import Services
from emberline.settings import Settings
from emberline.status import condition
from tests.pipelines.canonical import TOPIC, ingest, land, records
from tests.pipelines.ingest.test_sequences import MILKY, sent


def test_status_shows_the_sequences_that_miss_most(tmp_path: Path):
    services = Services(
        Settings(state=tmp_path / "state", kafka={"topics": {TOPIC: "milky"}}, rules={"lateness_minutes": 0})  # type: ignore[arg-type]
    )
    values = [sent(number, group) for group in (1, 2, 3, 4) for number in (1, 2 + group)]
    land(services.lake(), records([*values, sent(60, 5)]))
    ingest(services.lake(), carriers=MILKY)
    how = condition(services, dt.datetime.now(dt.UTC))
    assert [(one["group_id"], one["numbers"]) for one in how["missing"]] == [
        ("qq:4", 4), ("qq:3", 3), ("qq:2", 2), ("qq:1", 1),
    ]  # fmt: skip
    shown = ["".join(part if isinstance(part, str) else part[0] for part in line) for line in _condition_lines(how)]
    begin = next(place for place, line in enumerate(shown) if line.startswith("Missing"))
    assert [line.split("  ")[-1].strip() for line in shown[begin : begin + 5]] == [
        "numbers of 4 sequences did not arrive",
        "4 numbers of qq:4 (qq), 2 to 5 in 1 gap, sent from 2025-03-03 04:00 to 2025-03-03 04:00 UTC.",
        "3 numbers of qq:3 (qq), 2 to 4 in 1 gap, sent from 2025-03-03 04:00 to 2025-03-03 04:00 UTC.",
        "2 numbers of qq:2 (qq), 2 to 3 in 1 gap, sent from 2025-03-03 04:00 to 2025-03-03 04:00 UTC.",
        "All of them: emberline status --json",
    ]
