"""Where settings come from: the file and the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from schemas.errors import EmberlineError

PREFIX: Final = "EMBERLINE__"
FILE_VARIABLE: Final = "EMBERLINE_SETTINGS"
URL_VARIABLE: Final = "EMBERLINE_DAGSTER_URL"
"""The variable that passes the URL of Dagster's storage to its processes; not a setting, though it looks like one."""


class SettingsError(EmberlineError):
    """A setting is unknown or has a wrong value, which is not shown: it may be a secret in a wrong place."""


def settings_file() -> Path:
    """Return the path of `emberline.toml` in the working folder, or of the file in EMBERLINE_SETTINGS."""
    return Path(os.environ.get(FILE_VARIABLE, "emberline.toml"))
