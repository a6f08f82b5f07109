"""All settings as one type; unknown keys are errors."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from emberline.settings import pull, receive
from emberline.settings.alerts import AlertSettings
from emberline.settings.groups import GroupSettings
from emberline.settings.ingest import IngestSettings, ScheduleSettings
from emberline.settings.kafka import KafkaSettings
from emberline.settings.keeping import MaintenanceSettings, PrivacySettings
from emberline.settings.lineage import LineageSettings
from emberline.settings.pull import PullSettings
from emberline.settings.receive import ReceiveSettings, RouteSettings
from emberline.settings.rules import FunnelSettings, IdentitySettings, RuleSettings
from emberline.settings.section import refuse_wrong_name, secrets_in
from emberline.settings.sources import PREFIX, SettingsError, settings_file
from emberline.settings.stores import DagsterSettings, LakeSettings, WarehouseSettings, own_home
from pipelines.carriers import CARRIERS, Registry
from pipelines.operations.staleness import PullLimits
from schemas.lake import FACTS


def _texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text within a value, including keys, with the place of the value."""
    match value:
        case str() | Path():
            yield place, str(value)
        case dict():
            for key, inner in value.items():
                inside = f"{place}.{key}" if place else str(key)
                yield inside, str(key)
                yield from _texts(inner, inside)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner, place)
        case _:
            return


class Settings(BaseSettings):
    """All settings; unknown keys are errors."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    state: Annotated[Path, AfterValidator(own_home)] = Path(".emberline")
    """Folder of the embedded services, the local lake and Dagster's instance."""
    kafka: KafkaSettings = KafkaSettings()
    lake: LakeSettings = LakeSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    dagster: DagsterSettings = DagsterSettings()
    ingest: IngestSettings = IngestSettings()
    rules: RuleSettings = RuleSettings()
    identity: IdentitySettings = IdentitySettings()
    funnels: FunnelSettings = FunnelSettings()
    groups: GroupSettings = GroupSettings()
    alerts: AlertSettings = AlertSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    lineage: LineageSettings = LineageSettings()
    privacy: PrivacySettings = PrivacySettings()
    receive: ReceiveSettings = ReceiveSettings()
    pull: dict[str, PullSettings] = Field(default_factory=dict)
    """A table each: see below."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, values: object) -> object:
        """Refuse texts that paths, databases and brokers do not accept."""
        for place, text in _texts(values):
            if "\0" in text:
                raise ValueError(f"{place} contains a zero byte")
            if text.encode(errors="replace") != text.encode(errors="surrogatepass"):
                raise ValueError(f"{place} is not in UTF-8")
        return values

    @model_validator(mode="after")
    def _carriers_are_known(self) -> Self:
        known = {*CARRIERS, *self.kafka.carriers}
        for topic, name in self.kafka.topics.items():
            if name not in known:
                there_are = ", ".join(sorted(known))
                raise ValueError(f"kafka.topics: the carrier of {topic} is unknown; known carriers: {there_are}")
        for topic in self.kafka.coverage.keys() - self.kafka.topics.keys():
            raise ValueError(f"kafka.coverage: {topic} is not a topic under [kafka.topics]")
        for route, settings in self.receive.routes.items():
            if settings.carrier not in known:
                there_are = ", ".join(sorted(known))
                raise ValueError(f"receive.routes.{route}: the carrier is unknown; known carriers: {there_are}")
        return self

    @model_validator(mode="after")
    def _sources_have_topics(self) -> Self:
        refuse_wrong_name("pull", self.pull)
        routes = {f"receive.routes.{name}": route for name, route in self.receive.routes.items()}
        pulls = {f"pull.{name}": pull for name, pull in self.pull.items()}
        for place, source in (routes | pulls).items():
            topics = self.kafka.topics_of(source.carrier)
            if not topics:
                raise ValueError(f"{place}: no topic under [kafka.topics] has the carrier {source.carrier}")
            if source.topic is not None and source.topic not in topics:
                raise ValueError(
                    f"{place}.topic is not a topic of the carrier {source.carrier} under [kafka.topics]; "
                    f"these are {', '.join(topics)}"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not used: one file, one environment
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of priority: arguments, environment, file."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=settings_file())
        for secret in (
            *secrets_in(file.toml_data, "receive.routes", receive.SECRETS),
            *secrets_in(file.toml_data, "pull", pull.SECRETS),
        ):
            variable = f"{PREFIX}{secret.replace('.', '__').upper()}"
            raise SettingsError(f"{settings_file()} holds a secret: {secret}.", f"Set {variable} in the environment.")
        return init_settings, env_settings, file

    def topic_of(self, source: RouteSettings | PullSettings) -> str:
        """Return the topic of the records of a route or a pull."""
        return source.topic or self.kafka.topics_of(source.carrier)[0]

    @property
    def cursor_topic(self) -> str:
        """The topic of this installation's cursors of pulls."""
        return f"{self.ingest.group}.cursors"

    def pull_limits(self) -> PullLimits | None:
        """Return the longest time without a successful round by pull; None if there are no pulls."""
        limits = {name: dt.timedelta(minutes=pull.alert_after_minutes) for name, pull in self.pull.items()}
        return PullLimits(self.cursor_topic, limits) if limits else None

    def registry(self) -> Registry:
        """Return all carriers: of emberline, of installed packages, and the company's own."""
        folder = settings_file().absolute().parent
        return Registry({name: folder / Path(file).expanduser() for name, file in self.kafka.carriers.items()})

    def fingerprints(self) -> dict[str, int]:
        """Return, for each fact that depends on settings, a number that changes with any of these."""
        return {table.name: self._fingerprint(table.settings) for table in FACTS if table.settings}

    def _fingerprint(self, keys: Iterable[str]) -> int:
        values = {}
        for key in keys:
            section, name = key.split(".")
            values[key] = getattr(self, section).model_dump(mode="json", include={name})[name]
        return zlib.crc32(json.dumps(values, sort_keys=True).encode())

    @property
    def lateness(self) -> dt.timedelta:
        """Return the allowed lateness of events."""
        return dt.timedelta(minutes=self.rules.lateness_minutes)

    @property
    def zone_info(self) -> ZoneInfo:
        """Return the business zone."""
        return ZoneInfo(self.rules.zone)
