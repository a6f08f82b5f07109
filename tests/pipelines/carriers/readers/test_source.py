"""Where exports come from: archives and folders that lead outside or unpack without bounds are refused."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from pipelines.carriers.readers import detect
from pipelines.carriers.readers.source import UnreadableSource, UnsafeSource, source_of
from tests.pipelines.carriers.readers.reading import SAMPLES, Read

RESULT = SAMPLES / "telegram_export" / "CONSTRUCTED_supergroup.json"


@pytest.fixture
def archive(tmp_path):
    def writing(**files: bytes | str) -> Path:
        path = tmp_path / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in files.items():
                file.writestr(name, content)
        return path

    return writing


def test_an_export_is_found_in_a_folder_and_in_an_archive_with_or_without_a_folder_in_it(tmp_path, archive):
    folder = tmp_path / "ChatExport"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "photo_1.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "result.json").write_bytes(RESULT.read_bytes())
    plain = Read(RESULT).payloads
    assert Read(folder).payloads == plain
    assert Read(archive(**{"result.json": RESULT.read_bytes()})).payloads == plain
    wrapped = archive(**{"ChatExport/result.json": RESULT.read_bytes(), "ChatExport/photos/photo_1.jpg": b"\xff\xd8"})
    assert Read(wrapped).payloads == plain


@pytest.mark.parametrize(
    "name", ["../result.json", "/tmp/result.json", "a/../../result.json", "C:/result.json", "..\\x.json"]
)
def test_an_archive_with_a_path_that_leads_outside_is_refused(archive, tmp_path, name):
    path = archive(**{"result.json": RESULT.read_bytes(), name: "{}"})
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(UnsafeSource, match="leads outside"):
        detect(source_of(path))
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_an_archive_with_a_link_is_refused(tmp_path):
    path = tmp_path / "export.zip"
    link = zipfile.ZipInfo("result.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeSource, match="link"):
        detect(source_of(path))


def test_a_folder_with_a_link_is_refused(tmp_path):
    (tmp_path / "result.json").symlink_to(RESULT)
    with pytest.raises(UnsafeSource, match=r"result\.json"):
        detect(source_of(tmp_path))


def test_an_archive_that_unpacks_to_many_times_its_size_is_refused_before_it_is_read(archive):
    path = archive(**{"result.json": b" " * (100 * 1024 * 1024)})
    assert path.stat().st_size < 200_000
    with pytest.raises(UnsafeSource, match="104,857,600 bytes"):
        detect(source_of(path))


def test_a_damaged_archive_says_so_and_where(archive):
    path = archive(**{"result.json": RESULT.read_bytes() + os.urandom(100_000)})
    damaged = bytearray(path.read_bytes())
    damaged[2000:2100] = bytes(100)
    path.write_bytes(damaged)
    with pytest.raises(UnreadableSource, match="damaged"):
        Read(path)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(UnreadableSource, match=r"gone\.json"):
        source_of(tmp_path / "gone.json")


def test_a_pipe_is_no_export(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableSource, match="neither a file nor a folder"):
        source_of(tmp_path / "pipe")
