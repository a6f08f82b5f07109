"""Embedded engines keep their files in a state folder of any name, or outside where they cannot take its path."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, PathTooLong, PathUnfit, StateFolder
from emberline.embedded.dagster_home import dagster_home, home_of
from emberline.embedded.kafka_config import server_properties
from emberline.embedded.postgres_home import prepare


@pytest.fixture
def above() -> Iterator[Path]:
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="emberline-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        yield Path(root)


@pytest.fixture(autouse=True)
def data(above: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's data, where folders lie that fit into no state folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(above / "data"))
    return above / "data"


def test_java_reads_the_folder_of_the_data_as_it_is():
    text = server_properties(Path("/état 😀 a\\b/data"), 1, 2, {})
    assert "log.dirs=/\\u00e9tat \\ud83d\\ude00 a\\\\b/data\n" in text


@pytest.mark.parametrize("name", ["état 数据 [1] #% it's", 'a,b "$(id)`\\\n'], ids=["inside", "outside"])
def test_kafka_and_postgresql_keep_their_data_in_a_folder_of_any_name(
    above: Path, data: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LC_ALL", "C")
    state = StateFolder(above / name)
    kafka, postgres = EmbeddedKafka(state), EmbeddedPostgres(state)
    try:
        kafka.start()
        postgres.start()
        assert (state.path / "kafka" / "data" / "meta.properties").is_file()
        assert (state.path / "postgres" / "data" / "PG_VERSION").is_file()
        assert {entry.name for entry in above.iterdir()} - {data.name} == {name}
    finally:
        kafka.stop()
        postgres.stop()
    assert kafka.address() is None
    assert postgres.address() is None
    state.destroy()
    assert list(data.glob("emberline/*")) == []


@pytest.mark.parametrize("name", ["a#b", "x?y", "100%25", "a [1]", "a*b", "a\nb", "deep" * 30], ids=ascii)
def test_dagster_has_its_home_outside_a_folder_that_grpc_would_decode_or_that_is_a_pattern_or_too_long(
    tmp_path: Path, data: Path, name: str
):
    state, said = StateFolder(tmp_path / name), list[str]()
    home = dagster_home(state, said.append)
    assert home.parent == data / "emberline"
    assert home == home_of(state) == dagster_home(state)
    assert [str(home) in line for line in said] == [True]
    state.destroy()
    assert not home.exists()


def test_dagsters_home_goes_outside_with_its_files_when_the_state_folder_was_renamed(tmp_path: Path, data: Path):
    (dagster_home(StateFolder(tmp_path / "shop")) / "daemon.log").write_text("as it was")
    (tmp_path / "shop").rename(tmp_path / "shop [old]")
    home = dagster_home(StateFolder(tmp_path / "shop [old]"))
    assert home.parent == data / "emberline"
    assert (home / "daemon.log").read_text() == "as it was"


def test_dagster_is_refused_where_the_place_outside_is_no_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data [1]"))
    with pytest.raises(PathUnfit, match=r"Dagster cannot live in a folder whose name has: \["):
        dagster_home(StateFolder(tmp_path / "a [1]"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / ("deep" * 30)))
    with pytest.raises(PathTooLong, match=r"(?s)at most 103 are possible.*choose a folder nearer to the root"):
        dagster_home(StateFolder(tmp_path / ("deep" * 30)))


def test_a_cluster_that_is_there_stays_where_it_is_when_the_state_folder_was_renamed(above: Path):
    state = StateFolder(above / "shop")
    prepare(state)
    state.path.rename(above / "$shop")
    with pytest.raises(PathUnfit, match=r"PostgreSQL cannot live in a folder whose name has: \$"):
        prepare(StateFolder(above / "$shop"))
