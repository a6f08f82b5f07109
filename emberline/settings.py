"""All settings, typed: `emberline.toml`, overridden by environment variables `EMBERLINE__SECTION__KEY`.

Without any setting everything is embedded in the state folder. Secrets come from the environment only.
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
"""What Dagster's processes are given its storage's URL in: no setting, though it looks like one."""

# The greatest values: what is computed from these still fits into dates, durations and integers of 64 bits.
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
"""One of `kafka.bootstrap_servers`: a name or an address, in brackets where it has colons, and a port."""


class SettingsError(EmberlineError):
    """A setting is unknown or has a wrong value, which it does not repeat: that may be a secret in a wrong place."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is no IANA time zone, such as Europe/Berlin")
    return name


def _client_options(options: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    if secret := [name for name in options if "password" in name]:
        variables = f"{_PREFIX}KAFKA__SASL_PASSWORD or {_PREFIX}KAFKA__SSL_PASSWORD"
        raise ValueError(f"{secret[0]} is a secret: it goes into the environment, as {variables}")
    if found := unfit(options):
        raise ValueError(found)
    return options


def _database_url(url: SecretStr | None) -> SecretStr | None:
    try:
        if url is not None:
            make_url(url.get_secret_value())
    except (ArgumentError, ValueError):  # what either says may quote the password
        raise ValueError("is no URL; spell it postgresql+psycopg://user:password@host:port/database") from None
    return url


_DatabaseUrl = Annotated[SecretStr | None, AfterValidator(_database_url)]


def _brokers(servers: str | None) -> str | None:
    for server in [] if servers is None else servers.split(","):
        parts = _BROKER.fullmatch(server)
        if parts is None or not 0 < int(parts["port"] or 9092) <= _PORTS:
            raise ValueError("is no list of brokers; spell it host:port, with commas between several and no spaces")
    return servers


def _own_home(path: Path) -> Path:
    try:
        path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} names no user of this system") from None
    return path


def _lake_uri(uri: str | None) -> str | None:
    if uri is None:
        return None
    # Errors and metadata name the place of a table. A secret key of a store may have a slash in it.
    if re.match(r"[a-z][a-z0-9+.-]*://[^/@]*:[^@]*@", uri, re.IGNORECASE):
        raise ValueError("has a password; set what the store asks for under [lake.storage_options]")
    _own_home(Path(uri))
    return uri


def _texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text within a value, keys too, with the place of its value."""
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
"""Topics of canonical events, which `up` and `demo` create."""


class KafkaSettings(Section):
    """Where events come from. No `bootstrap_servers`: the embedded broker."""

    bootstrap_servers: Annotated[str | None, AfterValidator(_brokers)] = None
    options: Annotated[dict[str, str | int | bool], AfterValidator(_client_options)] = Field(
        default_factory=dict, repr=False
    )
    """Options of all clients of kafka-python: security_protocol, sasl_mechanism, ssl_cafile, ...; no password."""
    sasl_password: SecretStr | None = None
    """From the environment: EMBERLINE__KAFKA__SASL_PASSWORD."""
    ssl_password: SecretStr | None = None
    """Of the client's key file. From the environment: EMBERLINE__KAFKA__SSL_PASSWORD."""
    carriers: dict[Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")], str] = Field(default_factory=dict)
    """Carriers of the company's own: name -> file of its mapping; a relative one lies beside the settings file."""
    topics: dict[str, str] = Field(
        default_factory=lambda given: _OWN_TOPICS | {f"raw.{name}": name for name in (*CARRIERS, *given["carriers"])}
    )
    """Topic -> carrier. Topics that do not exist are passed over."""
    partitions: int = Field(default=3, ge=1, le=10_000)
    """Of topics that `replay`, `import`, `up` and `demo` create."""

    @property
    def own_topics(self) -> list[str]:
        """Topics that have to exist: those that somebody named, else those of canonical events."""
        return list(self.topics if "topics" in self.model_fields_set else _OWN_TOPICS)

    def topics_of(self, carrier: str) -> list[str]:
        """Topics whose payloads this carrier reads, in the order of the settings."""
        return [topic for topic, name in self.topics.items() if name == carrier]


class LakeSettings(Section):
    """Where the Delta tables lie. No `uri`: in the state folder, or linked from it where Delta cannot write there."""

    uri: Annotated[str | None, AfterValidator(_lake_uri)] = None
    storage_options: dict[str, str] = Field(default_factory=dict, repr=False)


class WarehouseSettings(Section):
    """Where the warehouse is, and what share of its rows a table may lose in one publication.

    No `url`: the embedded PostgreSQL. It carries a password: set it in the environment.
    """

    url: _DatabaseUrl = None
    max_lost_share: float = Field(default=0.5, ge=0, le=1)


class DagsterSettings(Section):
    """Dagster's page and storage. No `storage_url`: a database beside the embedded warehouse, else a schema in it."""

    storage_url: _DatabaseUrl = None
    """PostgreSQL database of Dagster's storage, `postgresql+psycopg://user:password@host:port/database`. It carries a
    password: set it in the environment."""
    guard: bool = True
    """Whether Dagster's page asks for the token in the link that `up` prints, and for a known name. Only off where
    something else guards it."""
    hosts: list[str] = Field(default_factory=list)
    """Names under which Dagster's page is reached, beside those of the loopback interface."""


class IngestSettings(Section):
    """When a batch is committed, what is taken for the future, and what stops the run."""

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
    """Which ids stand for nobody, and from when on a person is suspicious."""

    blocked_ids: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """Native ids that stand for nobody, beside `null`, `undefined`, zeros and the like; holds for what is decoded from
    then on."""
    operators: list[Annotated[str, Field(pattern=r"^[a-z0-9_.-]+:.+", max_length=512)]] = Field(default_factory=list)
    """Accounts that work for the company, such as `qq:10009`, where payloads do not say so; holds for what is decoded
    from then on."""
    max_accounts: int = Field(default=50, ge=2, le=_COUNT)
    """A person of more accounts is reported: one id that many share chains them all."""


class FunnelSettings(Section):
    """Funnels beside the packaged one."""

    files: list[str] = Field(default_factory=list)
    """YAML files, or patterns of them such as `funnels/*.yaml`; relative ones lie beside the settings file."""


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
        """What the pipeline works with."""
        return Thresholds(**{name: getattr(self, name) for name in Thresholds._fields})


class GroupSettings(ThresholdSettings):
    """When a group declines, is dying, recovers and is dead, measured against its own past.

    `[groups.purposes.NAME]` may set each key of these otherwise, for groups of that purpose:
    `[groups.purposes.sales]`, `declining_enter = 0.5`. The model of the risk is of all groups, and trained anew when it
    is `risk_retrain_days` old.
    """

    risk_retrain_days: int = Field(default=91, ge=1, le=_DAYS)
    purposes: dict[str, dict[str, int | float]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _purposes_agree(self) -> Self:
        for purpose in self.purposes:
            try:
                self.of(purpose)
            except ValidationError as error:
                wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {_told(e['msg'])}" for e in error.errors())
                raise ValueError(f"purposes.{purpose}: {wrong}") from None
        return self

    def of(self, purpose: str) -> ThresholdSettings:
        """The settings of groups of a purpose."""
        return ThresholdSettings(**{**self.thresholds()._asdict(), **self.purposes[purpose]})

    def life(self) -> LifeRules:
        """What the pipeline works with."""
        return LifeRules(self.thresholds(), {purpose: self.of(purpose).thresholds() for purpose in self.purposes})


AlertLevel = Literal["critical", "warning", "off"]


def _quiet_hours(text: str | None) -> str | None:
    if text is not None:
        QuietHours.of(text, ZoneInfo("UTC"))
    return text


def _no_reserved_name(channels: dict[str, SecretStr]) -> dict[str, SecretStr]:
    if KAFKA in channels:
        raise ValueError(f"{KAFKA!r} is the name of the channel that alerts.topic names")
    return channels


class AlertSettings(Section):
    """What is told of groups, feeds and the pipeline, to whom and when.

    A channel is one Apprise URL, which holds a secret: `EMBERLINE__ALERTS__CHANNELS__OPS=wecombot://...` makes the
    channel `ops`.
    """

    channels: Annotated[dict[str, SecretStr], AfterValidator(_no_reserved_name)] = Field(
        default_factory=dict, repr=False
    )
    """Apprise URLs by the name of the channel, from the environment: EMBERLINE__ALERTS__CHANNELS__NAME."""
    topic: str = "group.alerts"
    pipeline_channels: list[str] | None = None
    """Channels that are told of the pipeline itself, by name; none given: all."""
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
                f"pipeline_channels names what is no channel; there are: {', '.join(sorted(known)) or 'none'}"
            )
        return self

    def policy(self) -> Policy:
        """What the pipeline works with."""
        levels = {rule: getattr(self, rule) for rule in RULES}
        return Policy(
            severities={rule: level for rule, level in levels.items() if level != "off"},
            renotify=dt.timedelta(hours=self.renotify_hours) if self.renotify_hours else None,
            news=dt.timedelta(days=self.news_days),
        )


class MaintenanceSettings(Section):
    """What the hourly upkeep keeps, and when it puts files together.

    A reader of the lake that holds a version for longer than `keep_versions_hours` fails. Of Dagster's runs the newest
    `keep_runs` stay, none of them longer than `keep_run_days`.
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
        raise ValueError("is no cron expression of five fields, such as '0 6 * * *'") from None
    return expression


class ScheduleSettings(Section):
    """When runs begin. No `cron`: within seconds after records are in Kafka."""

    cron: Annotated[str | None, AfterValidator(_known_cron)] = None
    """Five fields, in the zone of `rules.zone`: `0 6 * * *` is daily at 06:00. Read by `emberline up`."""


def _no_end(value: object) -> object:
    """TOML has no null."""
    return None if value == "forever" else value


def _collector(url: str | None) -> str | None:
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is no URL of a collector; spell it https://host:port")
        if "@" in parts.netloc:
            raise ValueError(f"has a password; set {_PREFIX}LINEAGE__TOKEN in the environment")
    return url


class LineageSettings(Section):
    """Where `emberline up` sends what each run read and wrote, as OpenLineage events. No `url`: nowhere."""

    url: Annotated[str | None, AfterValidator(_collector)] = None
    """Of a collector such as Marquez or DataHub, without the path of OpenLineage's API."""
    namespace: str = Field(default="emberline", min_length=1)
    """Of the jobs, as the collector shows them."""
    token: SecretStr | None = None
    """What the collector asks for, from the environment: EMBERLINE__LINEAGE__TOKEN."""


class PrivacySettings(Section):
    """Pseudonyms, and how long texts and ids in clear are kept. No `key`: a random one in the state folder."""

    key: SecretStr | None = Field(default=None, min_length=16)
    """At least 16 characters, from the environment: EMBERLINE__PRIVACY__KEY."""
    keep_raw_days: Annotated[int | None, BeforeValidator(_no_end)] = Field(default=90, ge=1, le=_DAYS)
    """Days after Kafka's time of a decoded record for which its value, key and headers are kept in `raw` and
    `quarantine`, or `forever`. What was removed cannot be decoded again."""
    keep_texts: bool = False
    """Whether what emberline itself brings into Kafka keeps texts of messages, in place of their measures."""


class Settings(BaseSettings):
    """Everything that can be set; unknown keys are errors."""

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
        """Refuse texts that no path, no database and no broker takes."""
        for place, text in _texts(values):
            if "\0" in text:
                raise ValueError(f"{place} holds a zero byte")
            if text.encode(errors="replace") != text.encode(errors="surrogatepass"):
                raise ValueError(f"{place} is not in UTF-8")
        return values

    @model_validator(mode="after")
    def _carriers_are_known(self) -> Self:
        known = {*CARRIERS, *self.kafka.carriers}
        for topic, name in self.kafka.topics.items():
            if name not in known:
                there_are = ", ".join(sorted(known))
                raise ValueError(f"kafka.topics: the carrier of {topic} is none; there are {there_are}")
        for route, settings in self.receive.routes.items():
            if settings.carrier not in known:
                there_are = ", ".join(sorted(known))
                raise ValueError(f"receive.routes.{route}: the carrier is none; there are {there_are}")
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
                    f"{place}.topic is none of the carrier {source.carrier} under [kafka.topics]; "
                    f"there are {', '.join(topics)}"
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
        """Arguments, then the environment, then the file."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=settings_file())
        for secret in (
            *secrets_in(file.toml_data, "receive.routes", settings_receive.SECRETS),
            *secrets_in(file.toml_data, "pull", settings_pull.SECRETS),
        ):
            variable = f"{_PREFIX}{secret.replace('.', '__').upper()}"
            raise SettingsError(f"{settings_file()} holds a secret: {secret}.", f"Set {variable} in the environment.")
        return init_settings, env_settings, file

    def topic_of(self, source: RouteSettings | PullSettings) -> str:
        """The topic that the records of a route or a pull go to."""
        return source.topic or self.kafka.topics_of(source.carrier)[0]

    @property
    def cursor_topic(self) -> str:
        """The topic that says how far APIs were read, of this installation."""
        return f"{self.ingest.group}.cursors"

    def pull_limits(self) -> PullLimits | None:
        """For how long pulls may be quiet; None where there are none."""
        limits = {name: dt.timedelta(minutes=pull.alert_after_minutes) for name, pull in self.pull.items()}
        return PullLimits(self.cursor_topic, limits) if limits else None

    def registry(self) -> Registry:
        """All carriers: those of emberline, of installed packages, and the company's own."""
        folder = settings_file().absolute().parent
        return Registry({name: folder / Path(file).expanduser() for name, file in self.kafka.carriers.items()})

    def fingerprints(self) -> dict[str, int]:
        """A number for each fact that depends on settings, by its name, which changes with any of these."""
        return {table.name: self._fingerprint(table.settings) for table in FACTS if table.settings}

    def _fingerprint(self, keys: Iterable[str]) -> int:
        values = {}
        for key in keys:
            section, name = key.split(".")
            values[key] = getattr(self, section).model_dump(mode="json", include={name})[name]
        return zlib.crc32(json.dumps(values, sort_keys=True).encode())

    @property
    def lateness(self) -> dt.timedelta:
        """How late an event may be before its day is taken to be complete."""
        return dt.timedelta(minutes=self.rules.lateness_minutes)

    @property
    def zone_info(self) -> ZoneInfo:
        """The business zone."""
        return ZoneInfo(self.rules.zone)


def settings_file() -> Path:
    """`emberline.toml` of the working folder, or the file that EMBERLINE_SETTINGS names."""
    return Path(os.environ.get(_FILE_VARIABLE, "emberline.toml"))


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: an unknown key or a wrong value, in the file or the environment; a file that cannot be read.
    """
    _refuse_unknown_variables()
    if _FILE_VARIABLE in os.environ and not settings_file().is_file():
        raise SettingsError(f"There is no settings file {settings_file()}.", f"Correct or unset {_FILE_VARIABLE}.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        told = [(".".join(map(str, e["loc"])), _told(e["msg"])) for e in error.errors(include_input=False)]
        wrong = "; ".join(f"{place}: {what}" if place else what for place, what in told)
        raise SettingsError(
            f"Wrong settings ({settings_file()} or {_PREFIX}… in the environment): {wrong}.",
            "See docs/reference/settings.md for every key.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{settings_file()} is no TOML: {error}.", "Correct the file.") from None
    except UnreadableVariable as error:
        # What is behind this error shows the whole value, and a section's value may hold a secret.
        raise SettingsError(f"Wrong environment: {error}.", "Give valid JSON, or one key each.") from None


def _told(message: str) -> str:
    return message.removeprefix("Value error, ")


def _refuse_unknown_variables() -> None:
    """A misspelled variable must not be ignored: pydantic sees only those whose section exists."""
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
                    f"There are: {', '.join(Settings.model_fields)}.",
                )
            if keys and section != "pull" and not isinstance(Settings.model_fields[section].default, Section):
                raise SettingsError(
                    f"Environment variable {variable}: {section!r} has no keys.", f"Set {_PREFIX}{section.upper()}."
                )
