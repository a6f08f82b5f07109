"""`python -m tests.fuzz`: run command lines at random. Exit code 0 if each ended as documented."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from tests.fuzz import cases, running, world
from tests.fuzz.running import Ended
from tests.fuzz.verdict import findings

_NEW_SEEDS: Final = 1_000_000
_POLL_S: Final = 0.005
_SHOWN: Final = 4_000


def main() -> int:
    """Run with the options of the command line."""
    options = _options()
    seed = random.SystemRandom().randrange(_NEW_SEEDS) if options.seed is None else options.seed
    numbers = options.case or range(options.start, options.start + options.cases)
    folder = Path(tempfile.mkdtemp(prefix="emberline-fuzz-"))
    folder.chmod(0o755)
    codes, wrong, began = Counter[str](), 0, time.monotonic()
    try:
        with _engines(folder, is_up=not options.down) as published:
            sys.stdout.write(f"seed {seed}: {len(numbers)} cases\n")
            running.import_all()
            for ended in _all(folder, seed, numbers, published, options.workers):
                codes[str(ended.code)] += 1
                if told := findings(ended):
                    wrong += 1
                    _print(ended, told, seed)
                elif options.case:
                    sys.stdout.write(f"{ended.case.shown()}\nexit code {ended.code}\n{ended.output}{ended.errors}\n")
                if options.slow and ended.seconds > options.slow:
                    sys.stdout.write(f"{ended.seconds:.1f} s: {ended.case.shown()[:300]}\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - began
    shown = ", ".join(f"{code} {count} times" for code, count in sorted(codes.items()))
    sys.stdout.write(f"seed {seed}: {sum(codes.values())} cases in {seconds:.0f} s, {wrong} wrong; exit code {shown}\n")
    return int(wrong > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Command lines and settings at random.")
    parser.add_argument("--cases", type=int, default=2_000, help="how many (default: 2000)")
    parser.add_argument("--seed", type=int, help="what they are drawn from (default: a new one, which is printed)")
    parser.add_argument("--start", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--case", type=int, nargs="*", help="only these, by number; each is shown")
    parser.add_argument("--down", action="store_true", help="start no engines: each case meets dead ones, and no lake")
    parser.add_argument("--workers", type=int, default=2, help="how many run at once (default: 2)")
    parser.add_argument("--slow", type=float, help="show those that take more seconds than this")
    return parser.parse_args()


@contextmanager
def _engines(folder: Path, *, is_up: bool) -> Iterator[Mapping[str, str] | None]:
    """Variables of engines with a published company, for as long as the block runs; None where there are none."""
    if not is_up:
        yield None
        return
    # In processes of their own: their threads would be missing in forks of this one.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            yield pool.submit(world.publish, folder).result()
        finally:
            pool.submit(world.stop, folder).result()


def _all(
    folder: Path, seed: int, numbers: range | list[int], published: Mapping[str, str] | None, workers: int
) -> Iterator[Ended]:
    waiting, now = iter(numbers), list[running.Running]()
    while True:
        while len(now) < workers and (number := next(waiting, None)) is not None:
            case, own = cases.draw(seed, number, published), folder / str(number)
            cases.prepare(case, own, None if published is None else world.company(folder), seed)
            now.append(running.start(case, own))
        if not now:
            return
        for one in list(now):
            if (ended := running.poll(one)) is not None:
                now.remove(one)
                yield ended
                shutil.rmtree(one.folder, ignore_errors=True)
                shutil.rmtree(one.folder.with_suffix(".out"), ignore_errors=True)
        time.sleep(_POLL_S)


def _print(ended: Ended, told: list[str], seed: int) -> None:
    lines = [
        f"--- {'; '.join(told)} (in {ended.seconds:.1f} s)",
        f"python -m tests.fuzz --seed {seed} --case {ended.case.number}",
        ended.case.shown(),
        *(text[-_SHOWN:].rstrip() for text in (ended.output, ended.errors, ended.trace) if text.strip()),
        "",
    ]
    sys.stdout.write("\n".join(lines).encode(errors="backslashreplace").decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
