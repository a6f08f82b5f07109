"""A lake keeps the fingerprint of its pseudonyms' key, and nothing runs under another one."""

import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.services import Services
from emberline.settings import Settings
from pipelines.events.pseudonym import Pseudonyms, WrongPseudonymKey
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import ingest as ingest_from_kafka
from pipelines.lake import Lake
from pipelines.pseudonym_key import bind_key, recorded_fingerprint
from schemas.lake import RAW
from tests.pipelines.canonical import BY_TOPIC, PSEUDONYMS, RULES, encoded, ingest, land, message, records

ANOTHER = Pseudonyms(b"not the key of these tests")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(Settings(state=tmp_path / "state"))


def key_file(services: Services) -> Path:
    return services.state.path / "secrets" / "pseudonyms"


def test_a_lake_accepts_the_key_it_was_bound_to_and_no_other(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    bind_key(lake, PSEUDONYMS)
    version = lake.open(RAW).version
    bind_key(lake, PSEUDONYMS)
    with pytest.raises(WrongPseudonymKey, match="EMBERLINE__PRIVACY__KEY"):
        bind_key(lake, ANOTHER)
    assert lake.open(RAW).version == version


def test_the_fingerprint_is_no_pseudonym_and_not_the_key():
    assert PSEUDONYMS.fingerprint != ANOTHER.fingerprint
    assert 0 <= PSEUDONYMS.fingerprint < 2**63
    assert f"{PSEUDONYMS.fingerprint:x}" not in PSEUDONYMS.key.hex()


def test_a_lake_without_a_fingerprint_adopts_the_key_that_is_there(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    land(lake, records([encoded(message())]))
    ingest(lake)
    assert recorded_fingerprint(lake) is None
    bind_key(lake, PSEUDONYMS)
    assert recorded_fingerprint(lake) == PSEUDONYMS.fingerprint
    assert lake.open(RAW).scan().collect().height == 1


def test_with_another_key_nothing_is_read_from_kafka_or_decoded(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    bind_key(lake, ANOTHER)
    land(lake, records([encoded(message())]))
    version = lake.open(RAW).version
    nowhere = KafkaConnection("127.0.0.1:9")
    with pytest.raises(WrongPseudonymKey):
        ingest_from_kafka(nowhere, lake, BY_TOPIC, BatchLimits(), RULES)
    assert lake.open(RAW).version == version


def test_a_new_lake_gets_a_key_and_a_lake_with_pseudonyms_no_second_one(services: Services):
    bind_key(services.lake(), services.pseudonyms())
    key_file(services).unlink()
    with pytest.raises(WrongPseudonymKey, match="is missing"):
        services.rules()
    assert not key_file(services).exists()


def test_events_of_an_older_version_keep_a_lost_key_from_being_replaced(services: Services):
    land(services.lake(), records([encoded(message())]))
    ingest(services.lake(), rules=dataclasses.replace(RULES, pseudonyms=services.pseudonyms()))
    key_file(services).unlink()
    with pytest.raises(WrongPseudonymKey, match="is missing"):
        services.pseudonyms()


def test_the_key_that_is_put_back_is_accepted_from_the_environment_too(services: Services, monkeypatch):
    bind_key(services.lake(), services.pseudonyms())
    monkeypatch.setenv("EMBERLINE__PRIVACY__KEY", key_file(services).read_text())
    key_file(services).unlink()
    Services(Settings(state=services.settings.state)).rules()


@pytest.mark.parametrize("command", ["run", "ingest", "identity links app:ann", "identity unlink app:ann --reason x"])
def test_no_command_runs_without_the_key(command: str, services: Services, monkeypatch):
    bind_key(services.lake(), services.pseudonyms())
    key_file(services).unlink()
    monkeypatch.setenv("EMBERLINE__STATE", str(services.state.path))
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == ExitCode.SETTINGS
    assert "restore the file secrets/pseudonyms" in " ".join(done.stderr.replace("│", " ").split())
    assert not (services.state.path / "kafka").exists()
