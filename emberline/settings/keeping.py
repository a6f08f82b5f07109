"""Settings of what is kept and for how long: files, runs and alerts; raw records, texts and clear ids."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from emberline.settings.bounds import COUNT, DAYS, HOURS, MEGABYTES
from emberline.settings.section import Section


class MaintenanceSettings(Section):
    """What the hourly maintenance keeps, and when it compacts files.

    A reader of the lake that uses a version for longer than `keep_versions_hours` fails. Dagster's newest `keep_runs`
    runs are kept, none for longer than `keep_run_days`.
    """

    small_files: int = Field(default=50, ge=2, le=COUNT)
    small_file_mb: int = Field(default=32, ge=1, le=MEGABYTES)
    keep_versions_hours: int = Field(default=24, ge=1, le=HOURS)
    keep_runs: int = Field(default=1000, ge=1, le=COUNT)
    keep_run_days: int = Field(default=7, ge=1, le=DAYS)
    keep_alert_days: int = Field(default=90, ge=1, le=DAYS)
    keep_restatement_days: int = Field(default=400, ge=1, le=DAYS)


def _no_end(value: object) -> object:
    """TOML has no null."""
    return None if value == "forever" else value


class PrivacySettings(Section):
    """Pseudonyms, and how long texts and clear ids are kept. Without `key`: a random one in the state folder."""

    key: SecretStr | None = Field(default=None, min_length=16)
    """At least 16 characters, from the environment: EMBERLINE__PRIVACY__KEY."""
    keep_raw_days: Annotated[int | None, BeforeValidator(_no_end)] = Field(default=90, ge=1, le=DAYS)
    """Days after its Kafka timestamp for which value, key and headers of a decoded record are kept in `raw` and
    `quarantine`, or `forever`. Removed values cannot be decoded again."""
    keep_note_days: Annotated[int | None, BeforeValidator(_no_end)] = Field(default=None, ge=1, le=DAYS)
    """Days after its Kafka timestamp for which the text of a note on an intervention is kept, or `forever`. At least
    `keep_raw_days`, because `raw` has the text for as long."""
    keep_texts: bool = False
    """Whether payloads that emberline itself sends to Kafka keep texts of messages, instead of their measures."""

    @model_validator(mode="after")
    def _notes_stay_as_long_as_records(self) -> Self:
        if self.keep_note_days is not None and (self.keep_raw_days is None or self.keep_note_days < self.keep_raw_days):
            kept = "forever" if self.keep_raw_days is None else f"for {self.keep_raw_days} days"
            raise ValueError(f"keep_note_days is less than keep_raw_days: raw has the texts of notes {kept}")
        return self
