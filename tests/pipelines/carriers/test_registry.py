"""Carriers come from emberline, from installed packages and from a company's settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emberline.settings import SettingsError, load_settings
from pipelines.carriers import CARRIERS, CarriersOfTopics, Registry, carrier_of
from pipelines.carriers.mapping.model import MappingError

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "docs" / "samples"
BEACON = SAMPLES / "beacon.yaml"
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "emberline-beacon"
version = "1"
[project.entry-points."emberline.carriers"]
beacon = "emberline_beacon:beacon.yaml"
broken = "emberline_beacon:Nothing"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of another company, built and installed."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "emberline_beacon").mkdir()
    (source / "emberline_beacon" / "__init__.py").touch()
    shutil.copy(BEACON, source / "emberline_beacon" / "beacon.yaml")
    uv = shutil.which("uv", path=f"{ROOT / '.uv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert uv is not None
    subprocess.run([uv, "pip", "install", "-q", "--no-deps", "--target", target, source], check=True)
    return target


def beside(installed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run emberline with the other package beside it."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    line = [sys.executable, "-m", "emberline", *command]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def test_a_package_of_a_page_of_yaml_is_found_checked_and_used(installed: Path, tmp_path: Path):
    sample = SAMPLES / "beacon.jsonl"
    cases = SAMPLES / "beacon.cases.yaml"
    assert beside(installed, "carrier", "check", "beacon", "--cases", str(cases)).returncode == 0
    tried = beside(installed, "carrier", "try", "beacon", str(sample), "--json")
    assert [event["type"] for event in json.loads(tried.stdout)["events"]] == [
        "message.sent", "member.joined", "member.joined",
    ]  # fmt: skip


def test_a_package_that_cannot_be_loaded_is_named(installed: Path):
    done = beside(installed, "carrier", "try", "broken", str(SAMPLES / "beacon.jsonl"))
    assert done.returncode != 0
    assert "Carrier broken of package emberline-beacon cannot be loaded" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_carrier_of_ours_has_what_people_read_of_it():
    for name, carrier in CARRIERS.items():
        assert carrier.name == name
        assert carrier.title
        assert carrier.coverage
        assert carrier.membership


def test_a_mapping_of_another_name_is_refused():
    with pytest.raises(MappingError, match="has the name beacon"):
        Registry({"lighthouse": BEACON})["lighthouse"]


def test_there_is_no_carrier_of_an_unknown_name():
    with pytest.raises(KeyError):
        CARRIERS["pigeon"]


def test_a_carrier_is_made_when_its_topic_is_read():
    made: list[str] = []

    def carrier(name: str):
        made.append(name)
        return carrier_of(CARRIERS, name, decoder="fast")

    topics = CarriersOfTopics({"chat": "cloudevents", "raw.zulip": "zulip"}, carrier)
    assert list(topics) == ["chat", "raw.zulip"]
    assert made == []
    assert topics["raw.zulip"].name == "zulip"
    assert topics.get("elsewhere") is None
    assert made == ["zulip"]


def test_a_source_that_sees_less_than_its_carrier_says_so_by_topic():
    topics = CarriersOfTopics(
        {"mentions": "feishu", "all": "feishu"}, lambda name: CARRIERS[name], {"mentions": "mentions"}
    )
    assert [topics[name].coverage for name in ("mentions", "all")] == ["mentions", "full"]


def settings(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch):
    (folder / "emberline.toml").write_text(text)
    monkeypatch.setenv("EMBERLINE_SETTINGS", str(folder / "emberline.toml"))
    return load_settings()


def test_a_company_has_carriers_of_its_own_beside_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copy(BEACON, tmp_path / "beacon.yaml")
    found = settings(tmp_path, '[kafka.carriers]\nbeacon = "beacon.yaml"\n', monkeypatch)
    assert found.kafka.topics["raw.beacon"] == "beacon"
    assert found.registry()["beacon"].title == "Beacon, an app circle"


def test_a_topic_of_no_carrier_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SettingsError, match="the carrier of chat is unknown"):
        settings(tmp_path, '[kafka.topics]\nchat = "pigeon"\n', monkeypatch)
