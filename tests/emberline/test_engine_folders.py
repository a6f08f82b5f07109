"""Embedded engines keep all files in their state folder, whatever its name, or say why they cannot."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, PathUnfit, StateFolder
from emberline.embedded.dagster import EmbeddedDagster
from emberline.embedded.kafka_config import server_properties


@pytest.fixture
def above() -> Iterator[Path]:
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="emberline-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        yield Path(root)


def test_java_reads_the_folder_of_the_data_as_it_is():
    text = server_properties(Path("/état 😀 a\\b/data"), 1, 2, {})
    assert "log.dirs=/\\u00e9tat \\ud83d\\ude00 a\\\\b/data\n" in text


def test_kafka_and_postgresql_keep_their_data_in_a_folder_of_any_name(above: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LC_ALL", "C")
    state = StateFolder(above / "état 数据 [1] #% it's")
    kafka, postgres = EmbeddedKafka(state), EmbeddedPostgres(state)
    try:
        kafka.start()
        postgres.start()
        assert (state.path / "kafka" / "data" / "meta.properties").is_file()
        assert (state.path / "postgres" / "data" / "PG_VERSION").is_file()
        assert [entry.name for entry in above.iterdir()] == [state.path.name]
    finally:
        kafka.stop()
        postgres.stop()
    assert kafka.address() is None
    assert postgres.address() is None


@pytest.mark.parametrize("name", ["a,b", "a\nb"], ids=ascii)
def test_kafka_refuses_a_folder_that_it_would_take_for_several(above: Path, name: str):
    with pytest.raises(PathUnfit, match=r"Kafka cannot live in a folder whose name has: (,|\\n)"):
        EmbeddedKafka(StateFolder(above / name)).start()


@pytest.mark.parametrize("name", ['a"b', "$(id)", "`id`", "a\\b", "a\nb"], ids=ascii)
def test_postgresql_refuses_a_folder_that_a_shell_would_interpret(above: Path, name: str):
    with pytest.raises(PathUnfit, match="PostgreSQL cannot live in a folder whose name has: "):
        EmbeddedPostgres(StateFolder(above / name)).start()


@pytest.mark.parametrize("name", ["a#b", "x?y", "100%25", "a [1]", "a*b"])
def test_dagster_refuses_a_folder_that_grpc_would_decode_or_that_is_a_pattern(above: Path, name: str):
    with pytest.raises(PathUnfit, match="Dagster cannot live in a folder whose name has: "):
        EmbeddedDagster(StateFolder(above / name)).start({})
