"""All settings, typed: `emberline.toml`, overridden by environment variables `EMBERLINE__SECTION__KEY`.

Without settings, everything is embedded in the state folder. Secrets come only from the environment.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as UnreadableVariable
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from emberline import settings_pull, settings_receive
from emberline.settings_metrics import MetricAlertSettings
from emberline.settings_pull import PullSettings
from emberline.settings_receive import ReceiveSettings, RouteSettings
from emberline.settings_section import Section, refuse_wrong_name, secrets_in
from pipelines.alerts.decide import Policy
from pipelines.alerts.messages import KAFKA
from pipelines.alerts.quiet import QuietHours
from pipelines.alerts.rules import RULES, Limits
from pipelines.carriers import CARRIERS, DecoderKind, Registry
from pipelines.groups.thresholds import LifeRules, Thresholds
from pipelines.ingest.client_options import unfit
from pipelines.ingest.reader import ReaderKind
from pipelines.operations.staleness import PullLimits
from schemas.attribution import MODELS, Model
from schemas.errors import EmberlineError
from schemas.lake import FACTS

_PREFIX: Final = "EMBERLINE__"
_FILE_VARIABLE: Final = "EMBERLINE_SETTINGS"
URL_VARIABLE: Final = "EMBERLINE_DAGSTER_URL"
"""The variable that passes the URL of Dagster's storage to its processes; not a setting, though it looks like one."""

# Highest values whose results still fit into dates, durations and 64-bit integers.
_DAYS: Final = 36_500
_WEEKS: Final = _DAYS // 7
_HOURS: Final = _DAYS * 24
_MINUTES: Final = _HOURS * 60
_SECONDS: Final = 86_400
_COUNT: Final = 1_000_000_000
_MEGABYTES: Final = 1 << 20
_BYTES: Final = _MEGABYTES << 20
_PORTS: Final = (1 << 16) - 1

_BROKER: Final = re.compile(r"(?:\w+://)?(?:[^\s,:/@\[\]]+|\[[^\s,/@\[\]]+\])(?::(?P<port>[0-9]+))?")
"""One of `kafka.bootstrap_servers`: a name or an address (in brackets if it has colons), and a port."""


class SettingsError(EmberlineError):
    """A setting is unknown or has a wrong value, which is not shown: it may be a secret in a wrong place."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not an IANA time zone such as Europe/Berlin")
    return name


def _client_options(options: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    if secret := [name for name in options if "password" in name]:
        variables = f"{_PREFIX}KAFKA__SASL_PASSWORD or {_PREFIX}KAFKA__SSL_PASSWORD"
        raise ValueError(f"{secret[0]} is a secret: set it in the environment, as {variables}")
    if found := unfit(options):
        raise ValueError(found)
    return options


def _database_url(url: SecretStr | None) -> SecretStr | None:
    try:
        if url is not None:
            make_url(url.get_secret_value())
    except (ArgumentError, ValueError):  # the messages may quote the password
        raise ValueError("is not a URL; write postgresql+psycopg://user:password@host:port/database") from None
    return url


_DatabaseUrl = Annotated[SecretStr | None, AfterValidator(_database_url)]


def _brokers(servers: str | None) -> str | None:
    for server in [] if servers is None else servers.split(","):
        parts = _BROKER.fullmatch(server)
        if parts is None or not 0 < int(parts["port"] or 9092) <= _PORTS:
            raise ValueError("is not a list of brokers; write host:port, separated by commas without spaces")
    return servers


def _own_home(path: Path) -> Path:
    try:
        path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} is not the home of a user of this system") from None
    return path


def _lake_uri(uri: str | None) -> str | None:
    if uri is None:
        return None
    # Errors and metadata show the URI of a table. A secret key of a store may contain a slash.
    if re.match(r"[a-z][a-z0-9+.-]*://[^/@]*:[^@]*@", uri, re.IGNORECASE):
        raise ValueError("has a password; set the credentials of the store under [lake.storage_options]")
    _own_home(Path(uri))
    return uri


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


def _distinct(models: tuple[Model, ...]) -> tuple[Model, ...]:
    if len(set(models)) < len(models):
        raise ValueError("a model is named twice")
    return models


_OWN_TOPICS: Final = {"group.messages": "cloudevents", "commerce.events": "cloudevents"}
"""Topics of canonical events, created by `up` and `demo`."""


class KafkaSettings(Section):
    """The Kafka cluster. Without `bootstrap_servers`: the embedded broker."""

    bootstrap_servers: Annotated[str | None, AfterValidator(_brokers)] = None
    options: Annotated[dict[str, str | int | bool], AfterValidator(_client_options)] = Field(
        default_factory=dict, repr=False
    )
    """Options of all clients of kafka-python: security_protocol, sasl_mechanism, ssl_cafile, ...; no password."""
    sasl_password: SecretStr | None = None
    """From the environment: EMBERLINE__KAFKA__SASL_PASSWORD."""
    ssl_password: SecretStr | None = None
    """Password of the client's key file. From the environment: EMBERLINE__KAFKA__SSL_PASSWORD."""
    carriers: dict[Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")], str] = Field(default_factory=dict)
    """The company's own carriers: name -> mapping file; a relative path starts at the settings file."""
    topics: dict[str, str] = Field(
        default_factory=lambda given: _OWN_TOPICS | {f"raw.{name}": name for name in (*CARRIERS, *given["carriers"])}
    )
    """Topic -> carrier. Topics that do not exist are skipped."""
    partitions: int = Field(default=3, ge=1, le=10_000)
    """Number of partitions of topics that `replay`, `import`, `up` and `demo` create."""

    @property
    def own_topics(self) -> list[str]:
        """Return topics that must exist: those in the settings file, else those of canonical events."""
        return list(self.topics if "topics" in self.model_fields_set else _OWN_TOPICS)

    def topics_of(self, carrier: str) -> list[str]:
        """Return topics of this carrier, in the order of the settings."""
        return [topic for topic, name in self.topics.items() if name == carrier]


class LakeSettings(Section):
    """Location of the Delta tables. Without `uri`: in the state folder, or linked from it."""

    uri: Annotated[str | None, AfterValidator(_lake_uri)] = None
    storage_options: dict[str, str] = Field(default_factory=dict, repr=False)


class WarehouseSettings(Section):
    """The warehouse, and the share of its rows that a table may lose in one publication.

    Without `url`: the embedded PostgreSQL. The URL has a password: set it in the environment.
    """

    url: _DatabaseUrl = None
    max_lost_share: float = Field(default=0.5, ge=0, le=1)


class DagsterSettings(Section):
    """Dagster's page and storage. Without `storage_url`: with the warehouse, in its own database or schema."""

    storage_url: _DatabaseUrl = None
    """PostgreSQL database of Dagster's storage, `postgresql+psycopg://user:password@host:port/database`. It has a
    password: set it in the environment."""
    guard: bool = True
    """Whether Dagster's page requires the token in the link that `up` prints, and a known host name. Turn it off only
    if something else guards the page."""
    hosts: list[str] = Field(default_factory=list)
    """Host names of Dagster's page, beside those of the loopback interface."""


class IngestSettings(Section):
    """When a batch is committed, which events are from the future, and what stops the run."""

    batch_rows: int = Field(default=200_000, ge=1, le=_COUNT)
    batch_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=_BYTES)
    batch_seconds: float = Field(default=10.0, gt=0, le=_SECONDS)
    stall_seconds: float = Field(default=60.0, gt=0, le=_SECONDS)
    run_rows: int = Field(default=5_000_000, ge=1, le=_COUNT)
    reader: ReaderKind = "auto"
    decoder: DecoderKind = "fast"
    group: str = Field(default="emberline", min_length=1)
    session_seconds: float = Field(default=30.0, ge=6, le=_SECONDS)
    max_skew_minutes: int = Field(default=10, ge=0, le=_MINUTES)
    max_bad_share: float = Field(default=0.5, ge=0, le=1)
    bad_share_rows: int = Field(default=1000, ge=1, le=_COUNT)
    accept_gaps: bool = False


class RuleSettings(Section):
    """The company's definitions."""

    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    lateness_minutes: int = Field(default=60, ge=0, le=_MINUTES)
    idle_feed_hours: int = Field(default=24, ge=1, le=_HOURS)
    attribution_models: Annotated[tuple[Model, ...], Field(min_length=1), AfterValidator(_distinct)] = MODELS
    look_back_days: int = Field(default=7, ge=1, le=_DAYS)
    half_life_days: int = Field(default=7, ge=1, le=_DAYS)


class IdentitySettings(Section):
    """Placeholder ids, and when a person counts as over-merged."""

    blocked_ids: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """Native placeholder ids, beside `null`, `undefined`, zeros and the like; applies to records decoded after the
    change."""
    operators: list[Annotated[str, Field(pattern=r"^[a-z0-9_.-]+:.+", max_length=512)]] = Field(default_factory=list)
    """Accounts that work for the company, such as `qq:10009`, if payloads do not say so; applies to records decoded
    after the change."""
    max_accounts: int = Field(default=50, ge=2, le=_COUNT)
    """A person with more accounts is reported as over-merged: an id that many people share links all of them."""


class FunnelSettings(Section):
    """Funnels beside the packaged one."""

    files: list[str] = Field(default_factory=list)
    """YAML files, or patterns such as `funnels/*.yaml`; relative paths start at the settings file."""


_DEFAULTS: Final = Thresholds()
_LIMITS: Final = Limits()
_Level = Annotated[float, Field(gt=0, le=1)]
_ASCENDING: Final = (
    ("least_baseline_weeks", "baseline_weeks"), ("dying_enter", "declining_enter"), ("dying_enter", "dying_leave"),
    ("declining_enter", "declining_leave"), ("dying_leave", "declining_leave"),
    ("declining_chance", "dying_chance"),
)  # fmt: skip


class ThresholdSettings(Section):
    """When a group declines, is dying, recovers and is dead, by its own past."""

    dead_after_days: int = Field(default=_DEFAULTS.dead_after_days, ge=1, le=_DAYS)
    baseline_weeks: int = Field(default=_DEFAULTS.baseline_weeks, ge=1, le=_WEEKS)
    least_baseline_weeks: int = Field(default=_DEFAULTS.least_baseline_weeks, ge=1, le=_WEEKS)
    least_messages: float = Field(default=_DEFAULTS.least_messages, gt=0, le=_COUNT)
    deviations: float = Field(default=_DEFAULTS.deviations, ge=0, le=_COUNT)
    confirm_days: int = Field(default=_DEFAULTS.confirm_days, ge=1, le=_DAYS)
    stay_days: int = Field(default=_DEFAULTS.stay_days, ge=1, le=_DAYS)
    declining_enter: _Level = _DEFAULTS.declining_enter
    declining_leave: _Level = _DEFAULTS.declining_leave
    dying_enter: _Level = _DEFAULTS.dying_enter
    dying_leave: _Level = _DEFAULTS.dying_leave
    silent_days: int = Field(default=_DEFAULTS.silent_days, ge=1, le=_DAYS)
    declining_chance: _Level = _DEFAULTS.declining_chance
    dying_chance: _Level = _DEFAULTS.dying_chance

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for low, high in _ASCENDING:
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} is above {high}")
        return self

    def thresholds(self) -> Thresholds:
        """Return the settings as the pipeline's type."""
        return Thresholds(**{name: getattr(self, name) for name in Thresholds._fields})


class GroupSettings(ThresholdSettings):
    """When a group declines, is dying, recovers and is dead, measured against its own past.

    `[groups.purposes.NAME]` overrides these keys for groups of that purpose: `[groups.purposes.sales]`,
    `declining_enter = 0.5`. The risk model is one for all groups, and trained again when it is `risk_retrain_days` old.
    """

    risk_retrain_days: int = Field(default=91, ge=1, le=_DAYS)
    purposes: dict[str, dict[str, int | float]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _purposes_agree(self) -> Self:
        for purpose in self.purposes:
            try:
                self.of(purpose)
            except ValidationError as error:
                wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {_in_words(e['msg'])}" for e in error.errors())
                raise ValueError(f"purposes.{purpose}: {wrong}") from None
        return self

    def of(self, purpose: str) -> ThresholdSettings:
        """Return the settings for groups of a purpose."""
        return ThresholdSettings(**{**self.thresholds()._asdict(), **self.purposes[purpose]})

    def life(self) -> LifeRules:
        """Return the settings as the pipeline's type."""
        return LifeRules(self.thresholds(), {purpose: self.of(purpose).thresholds() for purpose in self.purposes})


AlertLevel = Literal["critical", "warning", "off"]


def _quiet_hours(text: str | None) -> str | None:
    if text is not None:
        QuietHours.of(text, ZoneInfo("UTC"))
    return text


def _no_reserved_name(channels: dict[str, SecretStr]) -> dict[str, SecretStr]:
    if KAFKA in channels:
        raise ValueError(f"{KAFKA!r} is reserved for the channel of alerts.topic")
    return channels


class AlertSettings(Section):
    """Alerts on groups, feeds and the pipeline: channels, times and rules.

    A channel is one Apprise URL, which has a secret: `EMBERLINE__ALERTS__CHANNELS__OPS=wecombot://...` defines the
    channel `ops`.
    """

    channels: Annotated[dict[str, SecretStr], AfterValidator(_no_reserved_name)] = Field(
        default_factory=dict, repr=False
    )
    """Apprise URLs by the name of the channel, from the environment: EMBERLINE__ALERTS__CHANNELS__NAME."""
    topic: str = "group.alerts"
    pipeline_channels: list[str] | None = None
    """Names of the channels for alerts on the pipeline itself; empty: all."""
    group_dying: AlertLevel = "critical"
    group_dead: AlertLevel = "warning"
    group_declining: AlertLevel = "warning"
    group_silent: AlertLevel = "warning"
    group_at_risk: AlertLevel = "warning"
    stale_feed: AlertLevel = "critical"
    silent_days: int = Field(default=14, ge=1, le=_DAYS)
    target_precision: _Level = _LIMITS.target_precision
    renotify_hours: int = Field(default=72, ge=0, le=_HOURS)
    news_days: int = Field(default=14, ge=1, le=_DAYS)
    quiet_hours: Annotated[str | None, AfterValidator(_quiet_hours)] = None
    link_base: str | None = None
    metrics: list[MetricAlertSettings] = Field(default_factory=list)
    """A table each: see below."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        refuse_wrong_name("metrics", names := [one.name for one in self.metrics])
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metrics: the name {twice[0]} is given twice")
        known = {*self.channels, *([KAFKA] if self.topic else [])}
        if not known.issuperset(self.pipeline_channels or ()):
            raise ValueError(
                f"pipeline_channels has an unknown channel; known channels: {', '.join(sorted(known)) or 'none'}"
            )
        return self

    def policy(self) -> Policy:
        """Return the settings as the pipeline's type."""
        levels = {rule: getattr(self, rule) for rule in RULES}
        return Policy(
            severities={rule: level for rule, level in levels.items() if level != "off"},
            renotify=dt.timedelta(hours=self.renotify_hours) if self.renotify_hours else None,
            news=dt.timedelta(days=self.news_days),
        )


class MaintenanceSettings(Section):
    """What the hourly maintenance keeps, and when it compacts files.

    A reader of the lake that uses a version for longer than `keep_versions_hours` fails. Dagster's newest `keep_runs`
    runs are kept, none for longer than `keep_run_days`.
    """

    small_files: int = Field(default=50, ge=2, le=_COUNT)
    small_file_mb: int = Field(default=32, ge=1, le=_MEGABYTES)
    keep_versions_hours: int = Field(default=24, ge=1, le=_HOURS)
    keep_runs: int = Field(default=1000, ge=1, le=_COUNT)
    keep_run_days: int = Field(default=7, ge=1, le=_DAYS)
    keep_alert_days: int = Field(default=90, ge=1, le=_DAYS)
    keep_restatement_days: int = Field(default=400, ge=1, le=_DAYS)


def _known_cron(expression: str | None) -> str | None:
    if expression is None:
        return None
    # Slow to import, and needed by few.
    import dagster as dg

    try:
        dg.ScheduleDefinition(name="checked", job_name="checked", cron_schedule=expression)
    except dg.DagsterInvalidDefinitionError:
        raise ValueError("is not a cron expression of five fields such as '0 6 * * *'") from None
    return expression


class ScheduleSettings(Section):
    """When runs start. Without `cron`: within seconds after records are in Kafka."""

    cron: Annotated[str | None, AfterValidator(_known_cron)] = None
    """Five fields, in the zone of `rules.zone`: `0 6 * * *` is daily at 06:00. Read by `emberline up`."""


def _no_end(value: object) -> object:
    """TOML has no null."""
    return None if value == "forever" else value


def _collector(url: str | None) -> str | None:
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is not a URL of a collector; write https://host:port")
        if "@" in parts.netloc:
            raise ValueError(f"has a password; set {_PREFIX}LINEAGE__TOKEN in the environment")
    return url


class LineageSettings(Section):
    """The collector to which `emberline up` sends OpenLineage events of each run. Without `url`: none."""

    url: Annotated[str | None, AfterValidator(_collector)] = None
    """URL of a collector such as Marquez or DataHub, without the path of OpenLineage's API."""
    namespace: str = Field(default="emberline", min_length=1)
    """Namespace of the jobs, as the collector shows it."""
    token: SecretStr | None = None
    """Bearer token of the collector, from the environment: EMBERLINE__LINEAGE__TOKEN."""


class PrivacySettings(Section):
    """Pseudonyms, and how long texts and clear ids are kept. Without `key`: a random one in the state folder."""

    key: SecretStr | None = Field(default=None, min_length=16)
    """At least 16 characters, from the environment: EMBERLINE__PRIVACY__KEY."""
    keep_raw_days: Annotated[int | None, BeforeValidator(_no_end)] = Field(default=90, ge=1, le=_DAYS)
    """Days after its Kafka timestamp for which value, key and headers of a decoded record are kept in `raw` and
    `quarantine`, or `forever`. Removed values cannot be decoded again."""
    keep_note_days: Annotated[int | None, BeforeValidator(_no_end)] = Field(default=None, ge=1, le=_DAYS)
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


class Settings(BaseSettings):
    """All settings; unknown keys are errors."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    state: Annotated[Path, AfterValidator(_own_home)] = Path(".emberline")
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
            *secrets_in(file.toml_data, "receive.routes", settings_receive.SECRETS),
            *secrets_in(file.toml_data, "pull", settings_pull.SECRETS),
        ):
            variable = f"{_PREFIX}{secret.replace('.', '__').upper()}"
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


def settings_file() -> Path:
    """Return the path of `emberline.toml` in the working folder, or of the file in EMBERLINE_SETTINGS."""
    return Path(os.environ.get(_FILE_VARIABLE, "emberline.toml"))


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: An unknown key or a wrong value in the file or the environment, or an unreadable file.
    """
    _refuse_unknown_variables()
    if _FILE_VARIABLE in os.environ and not settings_file().is_file():
        raise SettingsError(f"There is no settings file {settings_file()}.", f"Correct or unset {_FILE_VARIABLE}.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        found = [(".".join(map(str, e["loc"])), _in_words(e["msg"])) for e in error.errors(include_input=False)]
        wrong = "; ".join(f"{place}: {what}" if place else what for place, what in found)
        raise SettingsError(
            f"Wrong settings ({settings_file()} or {_PREFIX}… in the environment): {wrong}.",
            "See docs/reference/settings.md for every key.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{settings_file()} is not TOML: {error}.", "Correct the file.") from None
    except UnreadableVariable as error:
        # The cause of this error shows the whole value, and a section's value may contain a secret.
        raise SettingsError(f"Wrong environment: {error}.", "Give valid JSON, or one key each.") from None


def _in_words(message: str) -> str:
    return message.removeprefix("Value error, ")


def _refuse_unknown_variables() -> None:
    """Refuse misspelled variables, which pydantic ignores if their section does not exist."""
    for variable in os.environ:
        prefix, _, rest = variable.upper().partition("_")
        is_section = rest.lower().partition("_")[0] in Settings.model_fields
        if prefix == "EMBERLINE" and is_section and variable != URL_VARIABLE:
            raise SettingsError(
                f"Environment variable {variable} has one underscore after EMBERLINE.", f"Write {_PREFIX}{rest}."
            )
        if variable.upper().startswith(_PREFIX):
            section, *keys = variable[len(_PREFIX) :].lower().split("__")
            if section not in Settings.model_fields:
                raise SettingsError(
                    f"Environment variable {variable}: there is no section {section!r}.",
                    f"Sections and keys: {', '.join(Settings.model_fields)}.",
                )
            if keys and section != "pull" and not isinstance(Settings.model_fields[section].default, Section):
                raise SettingsError(
                    f"Environment variable {variable}: {section!r} has no keys.", f"Set {_PREFIX}{section.upper()}."
                )
