"""Run pulls until a signal ends them, one thread each, with a log of JSON lines."""

from __future__ import annotations

import signal
import threading
import traceback
from pathlib import Path
from types import FrameType

from emberline.failures import keep_trace
from emberline.json_log import STARTED, Log
from emberline.pulls import pull_of
from emberline.services import Services
from pipelines.ingest.pulling.pull import Hooks, Pull, Pulled, Source
from schemas.errors import EmberlineError

_AFTER_DEFECT_S = 60.0
_ENDS_WITHIN_S = 5.0
"""Seconds to wait for the end of pulls, longer than a commit takes; an uncommitted page is requested again later."""


def watch_sources(services: Services, sources: list[Source]) -> None:
    """Pull until SIGTERM or SIGINT.

    Raises:
        KafkaUnreachable, KafkaRefused: Kafka is not available at the start.
    """
    log, ended = Log(), threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    pulls = [pull_of(services, source, _hooks(log, source.name)) for source in sources]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    threads = [
        threading.Thread(target=_watch, args=(pull, log, source.name, services.state.path), daemon=True)
        for pull, source in zip(pulls, sources, strict=True)
    ]
    log.write(STARTED)
    for thread in threads:
        thread.start()
    ended.wait()
    for pull in pulls:
        pull.stop()
    for thread in threads:
        thread.join(_ENDS_WITHIN_S)
    log.write("stopped")


def _hooks(log: Log, name: str) -> Hooks:
    return Hooks(on_wait=lambda error, seconds: log.write("waiting", pull=name, detail=error.cause, seconds=seconds))


def _watch(pull: Pull, log: Log, name: str, state: Path) -> None:
    def brought(pulled: Pulled) -> None:
        if pulled.payloads or pulled.gaps:
            log.write("pulled", pull=name, payloads=pulled.payloads, gaps=pulled.gaps or None)

    def failed(error: EmberlineError) -> None:
        log.write("failed", pull=name, detail=error.cause, next_step=error.next_step)

    while True:
        try:
            pull.watch(brought, failed)
        except Exception as error:  # a defect of one pull must not end it, nor pass unseen
            file = keep_trace("".join(traceback.format_exception(error)), state)
            log.write("defect", pull=name, detail=f"{type(error).__name__}; the trace is in {file}")
            if pull.stops_within(_AFTER_DEFECT_S):
                return
        else:
            return
