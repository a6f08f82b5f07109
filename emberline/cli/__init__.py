"""The command line. Commands import what they need when they run, so that `--help` does not wait for Dagster."""

import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_USAGE: Final = 2
_REFUSED: Final = 4
_INTERRUPTED: Final = 130
_UNREAD: Final = 141
"""Exit codes of `emberline.cli.errors.ExitCode`, which is not imported yet when a first signal may arrive."""


def main() -> None:
    """Run the command line; SIGINT and SIGTERM end it without a traceback, from its first moment on."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        _open_streams()
        _refuse_other_letters(sys.argv[1:])
        from emberline.cli.commands import app

        app()
    except KeyboardInterrupt:  # before a command started, or while it ends
        print("Interrupted: Everything committed before is complete.", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except SystemExit as end:
        # Rich and Typer print help and errors of usage themselves, and have one code for all failures.
        sys.exit(_UNREAD if isinstance(end.__context__, BrokenPipeError) else end.code)
    except OSError:  # even standard error is closed
        sys.exit(_REFUSED)


def _refuse_other_letters(arguments: Sequence[str]) -> None:
    """Exit with a usage error if an argument is not UTF-8, which neither lake nor warehouse can store."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            print(f"Error: {argument!a} is not UTF-8. Use a UTF-8 argument or file name.", file=sys.stderr)
            sys.exit(_USAGE)


def _open_streams() -> None:
    """Discard output to closed streams, and escape characters that a stream cannot encode."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - open to the end
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
