"""Funnels of the user's files run beside the packaged one; what is wrong in a file is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from emberline.funnels import load_funnels
from emberline.services import Services
from emberline.settings import SettingsError, load_settings
from schemas.funnel import FunnelDefinitionError, standard

FUNNEL = """\
name: {name}
mode: sequential
count: persons
window: 7d
steps:
  - name: joined
    when: joined
  - name: clicked
    when: {when}
"""


def put(folder: Path, file: str, name: str = "clicks", when: str = "type = 'link.clicked'") -> Path:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(FUNNEL.format(name=name, when=when))
    return folder / file


def names(folder: Path, *patterns: str) -> list[str]:
    return [funnel.name for funnel in load_funnels(patterns, folder)]


def test_without_files_the_packaged_funnel_runs(tmp_path: Path):
    assert load_funnels([], tmp_path) == (standard(),)


def test_files_run_beside_it_in_order_of_their_paths(tmp_path: Path):
    put(tmp_path, "funnels/b.yaml", "second")
    put(tmp_path, "funnels/a.yaml", "first")
    assert names(tmp_path, "funnels/*.yaml") == ["standard", "first", "second"]


def test_a_file_that_two_patterns_name_is_one_funnel(tmp_path: Path):
    put(tmp_path, "a.yaml")
    assert names(tmp_path, "a.yaml", "*.yaml", str(tmp_path / "a.yaml")) == ["standard", "clicks"]


@pytest.mark.parametrize("pattern", ["funnels/*.yaml", "funnels/[a].yaml", "{folder}/funnels/[a].yaml"])
def test_brackets_in_the_name_of_a_folder_or_file_are_no_wildcard(tmp_path: Path, pattern: str):
    folder = tmp_path / "état 数据 [1] #%"
    put(folder, "funnels/[a].yaml")
    assert names(folder, pattern.format(folder=folder)) == ["standard", "clicks"]


def test_a_pattern_without_a_file_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"absent\.yaml"):
        names(tmp_path, "absent.yaml")


def test_a_file_that_is_no_text_is_told(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SettingsError, match=r"a\.yaml"):
        names(tmp_path, "a.yaml")


@pytest.mark.parametrize(
    ("name", "when", "line", "found"),
    [
        ("clicks", "kind = 'x'", 9, "unknown column"),
        ("clicks", "type =", 9, "unable to parse"),
        ("Clicks", "exposed", 1, "'Clicks'"),
        ("standard", "exposed", 1, "the name 'standard', as in schemas/funnels/standard.yaml"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, name: str, when: str, line: int, found: str):
    file = put(tmp_path, "a.yaml", name, when)
    with pytest.raises(FunnelDefinitionError, match=found) as refused:
        names(tmp_path, "a.yaml")
    assert refused.value.place == f"{file}, line {line}"


@pytest.mark.parametrize(("option", "line"), [("hold: [channel]", 10), ("exclude:\n  - when: channel = 'x'", 11)])
def test_a_wrong_option_is_told_with_its_line(tmp_path: Path, option: str, line: int):
    file = put(tmp_path, "a.yaml")
    file.write_text(file.read_text() + option)
    with pytest.raises(FunnelDefinitionError, match="unknown column") as refused:
        names(tmp_path, "a.yaml")
    assert refused.value.place == f"{file}, line {line}"


def test_two_files_of_one_name_are_told(tmp_path: Path):
    first, second = put(tmp_path, "a.yaml"), put(tmp_path, "b.yaml")
    with pytest.raises(FunnelDefinitionError, match=str(first)) as refused:
        names(tmp_path, "*.yaml")
    assert refused.value.place == f"{second}, line 1"


def test_the_settings_name_files_beside_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, "company/funnels/a.yaml")
    (tmp_path / "company" / "emberline.toml").write_text('[funnels]\nfiles = ["funnels/*.yaml"]')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBERLINE_SETTINGS", "company/emberline.toml")
    rules = Services(load_settings(state=tmp_path / "state")).rules()
    assert [funnel.name for funnel in rules.funnels] == ["standard", "clicks"]
