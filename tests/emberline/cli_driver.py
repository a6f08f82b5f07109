"""Runs command lines one after the other, so that many share the seconds that one needs to begin.

`python cli_driver.py FILE`: a JSON array of command lines in, one JSON array of exit codes out, into FILE.codes. Each
command line is announced on standard output and standard error by its number.
"""

import json
import sys
from pathlib import Path

from emberline.cli import main

MARK = "@@{}@@"


def run(arguments: list[str]) -> int:
    """The exit code of one command line, 99 where it ended by any other exception."""
    sys.argv = ["emberline", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException as error:
        print(f"Traceback: {error!r}", file=sys.stderr)
        return 99
    return 0


if __name__ == "__main__":
    file = Path(sys.argv[1])
    codes = []
    for number, arguments in enumerate(json.loads(file.read_text())):
        for stream in (sys.stdout, sys.stderr):
            print(MARK.format(number), file=stream, flush=True)
        codes.append(run(arguments))
        sys.stdout.flush()
        file.with_suffix(".codes").write_text(json.dumps(codes))
