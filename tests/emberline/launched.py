"""A job for `test_launcher`: in a module that the processes it runs in can import."""

import time
from pathlib import Path

import dagster as dg


class Work(dg.Config):
    """What the only step does: it waits as long as there is a file, then fails or not."""

    waits_for: str = ""
    fails: bool = False


@dg.op
def work(config: Work) -> None:
    while config.waits_for and Path(config.waits_for).exists():
        time.sleep(0.05)
    if config.fails:
        raise ValueError("as it was told")


@dg.job(executor_def=dg.in_process_executor)
def working():
    work()
