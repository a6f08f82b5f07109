"""Kafka's classes are kept once for a user, and a file of them that is no good hinders nobody."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emberline.embedded.jars import kafka_jars
from emberline.embedded.kafka_classes import class_options, classes_file, keep_classes
from emberline.embedded.kafka_config import java_command

# The shortest program in the jars.
TOOL = ("kafka.tools.StorageTool", "random-uuid")


def jars_in(folder: Path) -> list[Path]:
    """The jars of this user in a cache of a test's own."""
    folder.mkdir()
    for jar in kafka_jars(print):
        (folder / jar.name).symlink_to(jar)
    return sorted(folder.iterdir())


def run(jars: list[Path], folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program, *rest = java_command(jars, folder, 128, *TOOL)
    return subprocess.run([program, *options, *rest], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def jars(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give jars whose classes are kept."""
    folder = tmp_path_factory.mktemp("classes")
    jars = jars_in(folder / "cache")
    run(jars, folder, *class_options(jars, folder))
    keep_classes(jars, folder, java_command(jars, folder, 128, *TOOL))
    return jars


def test_java_reads_the_classes_that_were_kept(jars: list[Path], tmp_path: Path):
    # With this option Java ends where it cannot.
    done = run(jars, tmp_path, *class_options(jars, tmp_path), "-Xshare:on")

    assert done.returncode == 0, done.stdout


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite_a_page(file: Path) -> None:
    with file.open("r+b") as content:
        content.seek(file.stat().st_size // 8 * 4)
        content.write(os.urandom(4096))


@pytest.mark.parametrize("damage", [cut, overwrite_a_page])
def test_a_damaged_file_is_passed_by_in_silence(jars: list[Path], tmp_path: Path, damage: Callable[[Path], None]):
    kept = classes_file(jars)
    whole = kept.read_bytes()
    damage(kept)

    done = run(jars, tmp_path, *class_options(jars, tmp_path))

    kept.write_bytes(whole)
    assert done.returncode == 0
    assert "[cds]" not in done.stdout


def test_a_cache_that_cannot_be_written_is_left_as_it_is(tmp_path: Path):
    jars = jars_in(tmp_path / "cache")
    (jars[0].parent / ".lock").mkdir()
    (tmp_path / "classes.list").write_text("java/lang/Object id: 0\n")

    keep_classes(jars, tmp_path, java_command(jars, tmp_path, 128, *TOOL))

    assert not classes_file(jars).exists()
    assert not (tmp_path / "classes.list").exists()
