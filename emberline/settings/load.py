"""Reading the settings, with an error that names every wrong key."""

from __future__ import annotations

import os
import tomllib

from pydantic import ValidationError
from pydantic_settings import SettingsError as UnreadableVariable

from emberline.settings.model import Settings
from emberline.settings.section import Section, in_words
from emberline.settings.sources import FILE_VARIABLE, PREFIX, URL_VARIABLE, SettingsError, settings_file


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: An unknown key or a wrong value in the file or the environment, or an unreadable file.
    """
    _refuse_unknown_variables()
    if FILE_VARIABLE in os.environ and not settings_file().is_file():
        raise SettingsError(f"There is no settings file {settings_file()}.", f"Correct or unset {FILE_VARIABLE}.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        found = [(".".join(map(str, e["loc"])), in_words(e["msg"])) for e in error.errors(include_input=False)]
        wrong = "; ".join(f"{place}: {what}" if place else what for place, what in found)
        raise SettingsError(
            f"Wrong settings ({settings_file()} or {PREFIX}… in the environment): {wrong}.",
            "See docs/reference/settings.md for every key.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{settings_file()} is not TOML: {error}.", "Correct the file.") from None
    except UnreadableVariable as error:
        # The cause of this error shows the whole value, and a section's value may contain a secret.
        raise SettingsError(f"Wrong environment: {error}.", "Give valid JSON, or one key each.") from None


def _refuse_unknown_variables() -> None:
    """Refuse misspelled variables, which pydantic ignores if their section does not exist."""
    for variable in os.environ:
        prefix, _, rest = variable.upper().partition("_")
        is_section = rest.lower().partition("_")[0] in Settings.model_fields
        if prefix == "EMBERLINE" and is_section and variable != URL_VARIABLE:
            raise SettingsError(
                f"Environment variable {variable} has one underscore after EMBERLINE.", f"Write {PREFIX}{rest}."
            )
        if variable.upper().startswith(PREFIX):
            section, *keys = variable[len(PREFIX) :].lower().split("__")
            if section not in Settings.model_fields:
                raise SettingsError(
                    f"Environment variable {variable}: there is no section {section!r}.",
                    f"Sections and keys: {', '.join(Settings.model_fields)}.",
                )
            if keys and section != "pull" and not isinstance(Settings.model_fields[section].default, Section):
                raise SettingsError(
                    f"Environment variable {variable}: {section!r} has no keys.", f"Set {PREFIX}{section.upper()}."
                )
