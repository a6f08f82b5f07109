"""The command line. Commands import what they need when they run: `--help` must not wait for Dagster."""

import io
import signal
import sys


def main() -> None:
    """Run the command line; SIGINT and SIGTERM end it without a traceback, from its first moment on."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # one that cannot write a letter shows its number, not an error
                stream.reconfigure(errors="backslashreplace")
        from emberline.cli.commands import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
