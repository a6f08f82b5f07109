"""A lake works in a folder of any name that Delta can take, and says so where it cannot."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.lake_maintenance import maintain
from pipelines.lake_place import LakePathUnfit, StoredTable
from pipelines.operations.examine_lake import examine_lake
from pipelines.operations.maintenance import MaintenancePolicy
from schemas.lake import GROUP_DAY

MARCH, APRIL = dt.date(2025, 3, 1), dt.date(2025, 4, 1)
ODD = ("a b", "état 数据 #%", "x?y", "a*b", 'it\'s "q"', " a ", "a;b&c$d", "<a>{b}", "`c`", "a:b@c", "~", "%z", "😀")
UNFIT = {
    "[1]": r"\[ \]",
    "état 数据 [1] #%": r"\[ \]",
    "100%25": "%25",
    "a\\b": r"\\",
    "a|b^": r"\| \^",
    "month=1": "=",
    "a\nb": r"\\n",
    "a\udcff": r"\\udcff",
}


def days(*rows: tuple[str, dt.date]) -> pl.DataFrame:
    cells = [{"group_id": name, "day": day, "month": day.replace(day=1)} for name, day in rows]
    return pl.DataFrame(cells, schema=GROUP_DAY.schema)


def stored(lake: Lake, *filters: pl.Expr) -> list[tuple[str, dt.date]]:
    return sorted(lake.open(GROUP_DAY).scan().filter(*filters).select("group_id", "day").collect().rows())


def small(lake: Lake) -> None:
    lake.append(lake.open(GROUP_DAY), days(("a", MARCH), ("a", APRIL)), {})
    lake.append(lake.open(GROUP_DAY), days(("b", MARCH)), {})


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_a_lake_is_written_read_compacted_and_examined_in_a_folder_of_any_name(tmp_path: Path, name: str):
    lake = Lake(str(tmp_path / name / "lake"))
    small(lake)
    assert stored(lake, pl.col("month") == MARCH, pl.col("group_id") == "b") == [("b", MARCH)]
    lake.replace_months(lake.open(GROUP_DAY), days(("c", MARCH)), pl.Series([MARCH]), {})
    lake.append(lake.open(GROUP_DAY), days(("d", MARCH)), {})
    done = maintain(
        lake, GROUP_DAY, MaintenancePolicy(small_files=1, small_bytes=1 << 20, keep_versions=dt.timedelta(0))
    )
    assert (done.compacted, done.into, done.prevented) == (2, 1, None)
    assert stored(lake) == [("a", APRIL), ("c", MARCH), ("d", MARCH)]
    files = {Path(file) for file in lake.open(GROUP_DAY).delta.file_uris()}
    assert files == set((tmp_path / name).rglob("month=*/*.parquet"))
    assert {found.health for found in examine_lake(lake)} == {"ok"}


def test_a_copy_whose_name_fits_as_a_pattern_is_not_read_too(tmp_path: Path):
    small(Lake(str(tmp_path / "x?y")))
    shutil.copytree(tmp_path / "x?y", tmp_path / "x1y")
    assert len(stored(Lake(str(tmp_path / "x?y")))) == 3


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_a_file_that_is_gone_is_named_in_a_folder_of_any_name(tmp_path: Path, name: str):
    lake = Lake(str(tmp_path / name))
    small(lake)
    Path(lake.open(GROUP_DAY).delta.file_uris()[0]).unlink()
    with pytest.raises(LakeDamaged, match="1 file is gone") as told:
        lake.open(GROUP_DAY).scan()
    assert told.value.place == lake.table_uri(GROUP_DAY)


@pytest.mark.parametrize(("name", "shown"), UNFIT.items(), ids=ascii)
def test_a_path_that_delta_cannot_take_is_refused_with_its_characters(tmp_path: Path, name: str, shown: str):
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    for folder in (tmp_path / name, tmp_path / "link"):
        with pytest.raises(LakePathUnfit, match=f"whose path has these characters: {shown}\n"):
            Lake(str(folder / "lake")).open(GROUP_DAY)
        assert not Lake(str(folder / "lake")).has(GROUP_DAY)
        with pytest.raises(LakePathUnfit):
            Lake(str(folder)).has(GROUP_DAY)


def test_a_uri_a_relative_path_and_one_from_home_name_the_same_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    small(Lake(str(tmp_path / "a b")))
    for uri in ((tmp_path / "a b").as_uri(), "a b", "./a b/", "~/a b"):
        assert len(stored(Lake(uri))) == 3
        assert Lake(uri).table_uri(GROUP_DAY) == str(tmp_path / "a b" / GROUP_DAY.name)


def test_places_in_an_object_store_stay_as_they_are(monkeypatch: pytest.MonkeyPatch):
    files = ["s3://bucket/a%20b/part-0.parquet"]
    monkeypatch.setattr("deltalake.DeltaTable.file_uris", lambda _table: files)
    assert StoredTable.__new__(StoredTable).file_uris() == files
    assert Lake("s3://bucket/a%20b/").table_uri(GROUP_DAY) == f"s3://bucket/a%20b/{GROUP_DAY.name}"
