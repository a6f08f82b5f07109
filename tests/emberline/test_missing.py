"""`status` says what did not arrive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from assets.ingest import _totals_check
from emberline.cli.services import _condition_lines
from emberline.services import Services
from emberline.settings import Settings
from emberline.status import condition
from pipelines.ingest.short import compared_totals
from tests.pipelines.canonical import TOPIC, ingest, land, records
from tests.pipelines.ingest.test_control_totals import SOON, TOPICS, Feed, group, message, totals
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


def test_status_shows_owners_whose_platform_counted_more_than_arrived(tmp_path: Path):
    topics = {name: carrier.name for name, carrier in TOPICS.items()}
    services = Services(Settings(state=tmp_path / "state", kafka={"topics": topics}, rules={"lateness_minutes": 0}))  # type: ignore[arg-type]
    feed = Feed(services.lake())
    feed.land("raw.groups", group("a"))
    feed.land("raw.archive", message(1, "a", 0), message(9, "a", 2))
    feed.land("raw.totals", totals(3), totals(3, owner="mia"))
    feed.decode()
    how = condition(services, dt.datetime.now(dt.UTC))
    [short] = how["totals"]["short"]
    assert (short["messages"], short["group_ids"], how["totals"]["not_comparable"]) == (2, ["wecom:a"], 1)
    shown = ["".join(part if isinstance(part, str) else part[0] for part in line) for line in _condition_lines(how)]
    begin = next(place for place, line in enumerate(shown) if line.startswith("Short"))
    assert [line.split("  ")[-1].strip() for line in shown[begin : begin + 3]] == [
        "messages of the groups of 1 owner did not arrive",
        f"2 messages of the 1 group of owner {short['owner_id']} (wecom_group_statistics) on 1 day from "
        "2026-01-01 16:00 to 2026-01-02 16:00 UTC.",
        "Not compared: totals of 1 day of an owner not all of whose groups are known.",
    ]


def test_the_check_of_control_totals_fails_where_fewer_messages_arrived(tmp_path: Path):
    feed = Feed(Services(Settings(state=tmp_path / "state")).lake())
    feed.land("raw.groups", group("a"))
    feed.land("raw.archive", message(1, "a", 0), message(9, "a", 2))
    feed.land("raw.totals", totals(1))
    feed.decode()
    assert _totals_check(compared_totals(feed.lake, SOON)).passed
    feed.land("raw.totals", totals(2))
    feed.decode()
    check = _totals_check(compared_totals(feed.lake, SOON))
    assert (check.passed, check.metadata["messages"].value) == (False, 1)
    assert (check.description or "").startswith("Missing: 1 message of the 1 group of owner ")
