"""Creates Superset's own database and its only user; runs in Superset's own environment."""

import os

from superset.app import create_app  # pyright: ignore[reportMissingImports]
from superset.cli.main import superset  # pyright: ignore[reportMissingImports]

_USER = "emberline"


def main() -> None:
    """Migrate the database, create roles and permissions, create the user or set the password."""
    runner = create_app().test_cli_runner()
    password = os.environ["SUPERSET_PASSWORD"]
    who = ["--username", _USER, "--firstname", "emberline", "--lastname", "reader", "--email", "emberline@localhost"]
    for words in (
        ["db", "upgrade"],
        ["fab", "create-admin", *who, "--password", password],
        ["fab", "reset-password", "--username", _USER, "--password", password],
        ["init"],
    ):
        done = runner.invoke(superset, words)
        if done.exception is not None:
            raise SystemExit(f"{words[0]} {words[1:2]}: {done.output}") from done.exception


if __name__ == "__main__":
    main()
