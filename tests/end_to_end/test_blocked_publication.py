"""A failing expectation keeps the new version from readers and says what is wrong."""

import json

import polars as pl

from emberline.cli.errors import ExitCode
from emberline.cli.pipeline import as_dict, code_of, print_outcome
from pipelines.refresh.written import rebuild_positions
from schemas import warehouse as mart
from schemas.lake import GROUP_DAY


def test_a_broken_rule_blocks_the_publication_and_the_last_good_version_stays(pipeline, world, capsys):
    pipeline.send(world.records.head(20_000))
    good = pipeline.run()
    assert code_of(good) is ExitCode.OK
    warehouse = pipeline.services.warehouse()
    published = warehouse.read(mart.group_day)

    plant_more_speakers_than_active_members(pipeline.services.lake(), rows=3)
    blocked = pipeline.run()

    assert code_of(blocked) is ExitCode.BLOCKED
    assert blocked.version is None
    assert warehouse.read(mart.group_day).sort(pl.all()).equals(published.sort(pl.all()))
    assert warehouse.read(mart.publication)["version"].to_list() == [good.version]
    [check] = blocked.failed_checks
    assert check.table == "mart/group_day"
    [message] = [m for m in check.messages if "speakers" in m]
    assert "staging.group_day: speakers are no more than active_members: 3 rows break it" in message

    capsys.readouterr()
    print_outcome(blocked)
    shown = capsys.readouterr()
    assert "3 rows break it" in " ".join(shown.err.replace("│", " ").split())
    assert "The last good version stays published" in shown.out
    assert json.loads(json.dumps(as_dict(blocked), default=str))["failed_checks"][0]["is_blocking"]


def plant_more_speakers_than_active_members(lake, rows: int) -> None:
    handle = lake.open(GROUP_DAY)
    stored = handle.scan().sort("group_id", "day").collect()
    wrong = pl.int_range(pl.len()) < rows
    speakers = pl.when(wrong).then(pl.col("active_members") + 1).otherwise(pl.col("speakers")).cast(pl.Int32)
    lake.replace(handle, stored.with_columns(speakers=speakers), rebuild_positions(handle, {}))
