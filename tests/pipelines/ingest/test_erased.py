"""What an erased person did leaves `events`, and what names the person loses its value, whatever dies or arrives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.erasure import NamesThePerson, person_of, record_erasure
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.erased import search_payloads, suppression_of
from pipelines.lake import Lake, LakeUnavailable
from schemas.lake import EVENTS, IGNORED, QUARANTINE, QUARANTINED_EVENT, RAW
from tests.pipelines.canonical import (
    BY_TOPIC,
    NOON,
    PSEUDONYMS,
    Event,
    encoded,
    ingest,
    land,
    link,
    message,
    rebuild,
    records,
)
from tests.pipelines.ingest.test_quarantined import Failing, rule

ANN, HER_SHOP_ACCOUNT, BOB = "app:ann-7731", "shop:c-90412", "app:bob-2203"


def said(account: str, number: int, **data: Any) -> Event:
    return message({"member_id": account, "message_id": f"m{number}", **data}, id=f"e{number}")


HERS = [said(ANN, 1), link(ANN, HER_SHOP_ACCOUNT, id="e2"), said(HER_SHOP_ACCOUNT, 3)]
HIS = [said(BOB, 4), said(BOB, 5, note=f"to {ANN}")]
GROUP = message(
    {"member_id": ..., "message_id": ..., "members": [{"id": ANN}, {"id": BOB}]}, id="e6", type="group.snapshot"
)
BROKEN = b'{"specversion": "1.0", "id": "e7", "from": "app:ann-7731"'


@pytest.fixture
def lake(tmp_path: Path) -> Failing:
    return Failing(str(tmp_path / "lake"))


def send(lake: Lake, *values: Event | bytes, first: int = 0) -> None:
    encoded_values = [value if isinstance(value, bytes) else encoded(value) for value in values]
    land(lake, records(encoded_values, offsets=range(first, first + len(values))))


def erase(lake: Lake, asked: str = ANN, texts: Sequence[str] = ()) -> int:
    person = person_of(lake, asked, PSEUDONYMS, BY_TOPIC, texts)
    return record_erasure(lake, person, PSEUDONYMS, actor="dpo", reason="request 17", now=NOON)


def follow(lake: Lake) -> Counts:
    counts = ingest(lake)
    search_payloads(lake, suppression_of(lake, PSEUDONYMS))
    return counts


def stored(lake: Lake) -> list[str]:
    return sorted(lake.open(EVENTS).scan().collect()["event_id"])


def bodies(lake: Lake) -> pl.DataFrame:
    """The events, wherever their records lie."""
    return lake.open(EVENTS).scan().drop("batch", "offset").sort(EVENTS.key).collect()


def naming_her(lake: Lake) -> list[int]:
    """Offsets of records whose value names her."""
    found = lake.open(RAW).scan().filter(pl.col("value").is_not_null()).collect()
    return [
        offset for offset, value in found.select("offset", "value").iter_rows()
        if b"ann-7731" in value or b"c-90412" in value
    ]  # fmt: skip


def test_her_events_are_gone_and_those_of_others_stay_as_they_are_without_her(lake, tmp_path):
    send(lake, *HERS, *HIS, GROUP, BROKEN)
    ingest(lake)
    erase(lake)
    assert follow(lake) == Counts(events=-3, ignored=3)
    assert naming_her(lake) == []
    assert stored_counts(lake).unaccounted == 0
    without = Lake(str(tmp_path / "without"))
    alone = json.loads(encoded(GROUP))
    alone["data"]["members"] = [{"id": BOB}]
    send(without, *HIS, alone)
    ingest(without)
    assert bodies(lake).equals(bodies(without), null_equal=True)
    ignored = lake.open(IGNORED).scan().select("offset", "reason").sort("offset").collect()
    assert ignored.rows() == [(0, "suppressed"), (1, "suppressed"), (2, "suppressed")]


def test_hash_coordinates_and_counts_of_removed_values_stay(lake):
    send(lake, *HERS, *HIS, BROKEN)
    ingest(lake)
    before = stored_counts(lake)
    erase(lake)
    follow(lake)
    raw = lake.open(RAW).scan().sort("offset").collect()
    assert raw["offset"].to_list() == list(range(6))
    assert raw["value_sha256"].is_not_null().to_list() == [True, True, True, False, True, True]
    assert stored_counts(lake) == replace(before, events=2, ignored=3)
    quarantined = lake.open(QUARANTINE).scan().collect()
    assert quarantined.height == 1
    assert quarantined["value"].null_count() == 1


@pytest.mark.parametrize("table", [EVENTS, IGNORED, QUARANTINED_EVENT], ids=lambda table: table.name)
def test_a_run_that_dies_is_finished_by_the_next_one(lake, table):
    send(lake, *HERS, *HIS, GROUP)
    ingest(lake)
    if table is QUARANTINED_EVENT:
        rule(lake, "e1")
        ingest(lake)
    erase(lake)
    lake.fails_at.append(table)
    with pytest.raises(LakeUnavailable):
        follow(lake)
    follow(lake)
    follow(lake)
    assert stored(lake) == ["e4", "e5", "e6"]
    assert naming_her(lake) == []
    assert lake.open(QUARANTINED_EVENT).scan().collect().is_empty()
    assert stored_counts(lake).unaccounted == 0
    assert stored_counts(lake).ignored == lake.open(IGNORED).scan().collect().height == 3


def test_what_arrives_again_is_ignored_and_balances(lake):
    send(lake, *HERS, *HIS, GROUP)
    ingest(lake)
    erase(lake)
    follow(lake)
    before = bodies(lake)
    again = [*HERS, *HIS, GROUP, BROKEN, link(BOB, ANN, id="e9"), said(ANN, 10)]
    send(lake, *again, first=6)
    assert follow(lake) == Counts(raw=9, duplicates=3, ignored=6)
    assert naming_her(lake) == []
    assert bodies(lake).equals(before, null_equal=True)


def test_events_rebuilt_from_raw_are_still_without_her(lake):
    send(lake, *HERS, *HIS, GROUP)
    ingest(lake)
    erase(lake)
    follow(lake)
    before, counts = bodies(lake), stored_counts(lake)
    rebuild(lake)
    assert stored(lake) == ["e4", "e5", "e6"]
    assert bodies(lake).equals(before, null_equal=True)
    assert stored_counts(lake) == counts


def test_her_event_that_a_person_put_in_quarantine_does_not_come_back(lake):
    send(lake, *HERS, *HIS)
    ingest(lake)
    rule(lake, "e1")
    ingest(lake)
    erase(lake)
    assert follow(lake) == Counts(events=-2, quarantined=-1, ignored=3)
    rule(lake, "e1", is_quarantined=False)
    follow(lake)
    assert stored(lake) == ["e4", "e5"]


def test_an_account_is_found_by_its_pseudonym_and_all_of_the_person_with_it(lake):
    send(lake, *HERS, *HIS)
    ingest(lake)
    found = person_of(lake, PSEUDONYMS.of(HER_SHOP_ACCOUNT), PSEUDONYMS, BY_TOPIC)
    assert set(found.accounts) == {ANN, HER_SHOP_ACCOUNT}
    assert set(found.pseudonyms) == {PSEUDONYMS.of(ANN), PSEUDONYMS.of(HER_SHOP_ACCOUNT)}
    assert found.events == 3


def test_a_text_that_names_her_is_removed_too(lake):
    send(lake, said(BOB, 1, note="thanks, Ann Example!"), said(BOB, 2, note="Annex"))
    ingest(lake)
    erase(lake, texts=["Ann Example"])
    follow(lake)
    assert lake.open(RAW).scan().sort("offset").collect()["value"].is_null().to_list() == [True, False]
    assert stored(lake) == ["e1", "e2"]


def test_an_intervention_stays_without_who_noted_it_and_without_a_note_that_names_her(lake):
    def noted(number: int, note: str, **data: Any) -> Event:
        told = {"member_id": ..., "message_id": ..., "intervention": "call", "intervention_note": note, **data}
        return message(told, id=f"i{number}", type="group.intervention")

    send(lake, noted(1, "Called the first buyers"), noted(2, "Called Ann Example"), noted(3, "Called", member_id=ANN))
    ingest(lake)
    erase(lake, texts=["Ann Example"])
    follow(lake)
    found = lake.open(EVENTS).scan().sort("event_id").select("account_id", "intervention", "intervention_note")
    assert found.collect().rows() == [
        (None, "call", "Called the first buyers"),
        (None, "call", None),
        (None, "call", "Called"),
    ]
    before = bodies(lake)
    rebuild(lake)
    assert bodies(lake).equals(before, null_equal=True)


def test_a_record_of_an_id_too_short_to_be_searched_for_loses_its_value_too(lake):
    send(lake, said("qq:7", 1), said(BOB, 2, message_id="7"))
    ingest(lake)
    erase(lake, "qq:7")
    follow(lake)
    send(lake, said("qq:7", 3), first=2)
    follow(lake)
    assert lake.open(RAW).scan().sort("offset").collect()["value"].is_null().to_list() == [True, False, True]


def test_asking_twice_is_one_erasure(lake):
    send(lake, *HERS)
    ingest(lake)
    assert erase(lake) == 1
    follow(lake)
    assert erase(lake) == 1
    assert erase(lake, BOB) == 2


def test_a_reason_that_names_her_is_refused(lake):
    send(lake, *HERS)
    ingest(lake)
    person = person_of(lake, ANN, PSEUDONYMS, BY_TOPIC)
    with pytest.raises(NamesThePerson):
        record_erasure(lake, person, PSEUDONYMS, actor="dpo", reason=f"{ANN} asked", now=NOON)
    assert suppression_of(lake, PSEUDONYMS).number == 0
