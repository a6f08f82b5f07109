"""The doctor finds what is damaged in a lake, and changes nothing."""

from pathlib import Path

import pytest

from pipelines.engagement.person_day import person_day
from pipelines.lake import Lake
from pipelines.operations.examination import Examined
from pipelines.operations.examine_lake import examine_lake
from pipelines.refresh import refresh_days
from schemas.lake import EVENTS, PERSON_DAY, RAW, LakeTable
from tests.pipelines.canonical import encoded, ingest, land, message, records
from tests.pipelines.test_lake_damage import spoil_the_middle


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    for number in range(2):
        land(lake, records([encoded(message(id=f"e{number}"))], offsets=[number]))
        ingest(lake)
    refresh_days(lake, PERSON_DAY, person_day)
    return lake


def broken(lake: Lake) -> Examined:
    [found] = [finding for finding in examine_lake(lake) if finding.health == "broken"]
    assert found.next_step
    return found


def a_file(lake: Lake, table: LakeTable) -> Path:
    return Path(max(lake.open(table).delta.file_uris(), key=lambda file: Path(file).stat().st_size))


def commits(lake: Lake, table: LakeTable) -> list[Path]:
    return sorted((Path(lake.table_uri(table)) / "_delta_log").glob("*.json"))


def test_a_lake_that_is_well_is_found_so_and_left_as_it_is(lake: Lake):
    before = sorted(Path(lake.uri).rglob("*"))
    assert {finding.health for finding in examine_lake(lake)} == {"ok"}
    assert sorted(Path(lake.uri).rglob("*")) == before


def test_no_lake_is_no_damage(tmp_path: Path):
    [found] = examine_lake(Lake(str(tmp_path / "none")))
    assert found.health == "warning"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("table", [RAW, EVENTS, PERSON_DAY], ids=lambda table: table.name)
def test_a_data_file_that_is_gone_is_found(lake: Lake, table: LakeTable):
    file = a_file(lake, table)
    file.unlink()
    found = broken(lake)
    assert found.subject == table.name
    assert file.name in found.found


def test_a_data_file_that_is_cut_off_is_found(lake: Lake):
    file = a_file(lake, EVENTS)
    file.write_bytes(file.read_bytes()[:100])
    assert f"1 file is not what was written: {file.name}" in broken(lake).found


def test_damage_in_the_middle_of_a_data_file_is_found_where_it_is_read(lake: Lake):
    file = a_file(lake, EVENTS)
    spoil_the_middle(file)
    assert not any(finding.health == "broken" for finding in examine_lake(lake))
    [found] = [finding for finding in examine_lake(lake, is_read=True) if finding.health == "broken"]
    assert (found.subject, file.name in found.found) == ("events", True)


def test_an_empty_commit_under_a_newer_one_is_found(lake: Lake):
    commits(lake, RAW)[-2].write_text("")
    found = broken(lake)
    assert found.subject == "raw"
    assert "empty or cut off" in found.found


def test_commits_of_events_that_facts_include_and_that_are_lost_are_found(lake: Lake):
    commits(lake, EVENTS)[-1].unlink()
    found = broken(lake)
    assert found.subject == "events"
    assert "person_day" in found.found
    assert found.next_step == "Decode raw again: emberline rebuild events"


def test_commits_of_raw_that_are_lost_are_worth_knowing(lake: Lake):
    commits(lake, RAW)[-1].unlink()
    [found] = [finding for finding in examine_lake(lake) if finding.health == "warning"]
    assert (found.subject, "1 partition" in found.found) == ("raw", True)
