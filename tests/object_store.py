"""An object store that speaks S3, in a process of its own, and what tests do to its objects."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyarrow import fs

from pipelines.lake import Lake

_SERVER: Final = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
_KEY, _SECRET, _REGION = "key", "secret", "us-east-1"


class Bucket:
    """A bucket, and the options with which a lake is kept in it."""

    def __init__(self, port: int, name: str) -> None:
        self.uri = f"s3://{name}"
        self.options = {
            "endpoint_url": f"http://127.0.0.1:{port}",
            "allow_http": "true",
            "region": _REGION,
            "access_key_id": _KEY,
            "secret_access_key": _SECRET,
        }
        self._system = fs.S3FileSystem(
            access_key=_KEY,
            secret_key=_SECRET,
            region=_REGION,
            endpoint_override=f"127.0.0.1:{port}",
            scheme="http",
            allow_bucket_creation=True,
        )
        self._system.create_dir(name)

    def lake(self, folder: str = "lake") -> Lake:
        return Lake(f"{self.uri}/{folder}", self.options)

    def read(self, uri: str) -> bytes:
        with self._system.open_input_stream(uri.removeprefix("s3://")) as stream:
            return stream.read()

    def write(self, uri: str, content: bytes) -> None:
        with self._system.open_output_stream(uri.removeprefix("s3://")) as stream:
            stream.write(content)

    def upload(self, folder: Path, uri: str) -> None:
        """Write the files of a folder to objects below a place."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.write(f"{uri}/{file.relative_to(folder)}", file.read_bytes())

    def delete(self, uri: str) -> None:
        self._system.delete_file(uri.removeprefix("s3://"))

    def below(self, uri: str) -> list[str]:
        """The objects below a place, sorted."""
        found = self._system.get_file_info(fs.FileSelector(uri.removeprefix("s3://"), recursive=True))
        return sorted(f"s3://{info.path}" for info in found if info.is_file)

    @contextmanager
    def spoiled(self, uri: str, how: Callable[[bytes], bytes]) -> Iterator[None]:
        """Let an object be what `how` makes of it for as long as the block runs."""
        whole = self.read(uri)
        self.write(uri, how(whole))
        try:
            yield
        finally:
            self.write(uri, whole)


@contextmanager
def store_running() -> Iterator[Callable[[], Bucket]]:
    """Yield a factory of new buckets in a store that runs for as long as the block does."""
    # Not in this process: Delta may wait for the store while it keeps Python's lock.
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield lambda: Bucket(port, f"bucket-{uuid.uuid4().hex}")
        server.stdin.close()
