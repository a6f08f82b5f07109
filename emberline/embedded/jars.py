"""Kafka's jars, fetched once per user and checked against the lock file."""

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path

from emberline.embedded.errors import DownloadFailed
from emberline.embedded.jar_lock import KAFKA_VERSION, Jar, locked_jars, sha256
from emberline.embedded.state import locked

_CONNECTIONS = 4
_TIMEOUT_S = 30


def cache_folder() -> Path:
    """Return the cache folder that all state folders of this user share."""
    chosen = os.environ.get("EMBERLINE_CACHE_DIR")
    return Path(chosen).expanduser().resolve() if chosen else user_cache_path("emberline")


def kafka_jars(on_progress: Callable[[str], None]) -> list[Path]:
    """Return the jars of the broker; download those that are not in the cache.

    A jar gets its final name once its digest is verified, so jars in the cache are complete, and an
    interrupted download continues with the missing jars.

    Raises:
        DownloadFailed: No network, no such file, or a file with another digest.
    """
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    jars = locked_jars()
    if _missing(folder, jars):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            _fetch_all(folder, _missing(folder, jars), on_progress)
    return [folder / jar.filename for jar in jars]


def _missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    return [jar for jar in jars if not (folder / jar.filename).is_file()]


def _fetch_all(folder: Path, jars: Sequence[Jar], on_progress: Callable[[str], None]) -> None:
    if not jars:
        return
    on_progress(f"fetching Apache Kafka {KAFKA_VERSION}: {len(jars)} files, once for this user")
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch,
        ThreadPoolExecutor(_CONNECTIONS) as pool,
    ):
        try:
            for _ in pool.map(partial(_fetch, folder, Path(scratch)), jars):
                pass
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch(folder: Path, scratch: Path, jar: Jar) -> None:
    from jgo.maven import MavenContext, PythonResolver

    maven = MavenContext(resolver=PythonResolver(), repo_cache=scratch, local_repos=[], timeout=_TIMEOUT_S)
    try:
        file = maven.create_dependency(jar.coordinate).artifact.resolve()
    # jgo raises RuntimeError for a missing file, and OSError for every network failure.
    except (OSError, RuntimeError) as error:
        raise _failed(f"{jar.coordinate} could not be fetched: {error}", folder) from error
    found = sha256(file)
    if found != jar.sha256:
        raise _failed(f"{jar.coordinate} has SHA-256 {found}, expected {jar.sha256}", folder)
    file.replace(folder / jar.filename)


def _failed(cause: str, folder: Path) -> DownloadFailed:
    return DownloadFailed(
        cause,
        place=folder,
        next_step=(
            "check the network and the proxy (HTTPS_PROXY) and start again: files already fetched "
            "are kept. Or set EMBERLINE__KAFKA__BOOTSTRAP_SERVERS to a Kafka that runs elsewhere"
        ),
    )
