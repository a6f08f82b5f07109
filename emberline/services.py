"""Create engines, stores and resources from the settings; what is not configured elsewhere is embedded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from assets.resources import Rules
from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, StateFolder
from emberline.embedded.errors import NotRunning
from emberline.embedded.postgres_roles import DAGSTER, READER
from emberline.embedded.puller import EmbeddedPuller
from emberline.embedded.receiver import EmbeddedReceiver
from emberline.funnels import load_funnels
from emberline.lake_folder import lake_folder, lake_of
from emberline.settings import Settings, settings_file
from pipelines.alerts.channels import AppriseChannel, Channel, KafkaChannel
from pipelines.alerts.quiet import QuietHours
from pipelines.alerts.rules import Limits
from pipelines.alerts.watch import Alerting
from pipelines.carriers import CarriersOfTopics, carrier_of
from pipelines.carriers.texts import Texts
from pipelines.events.decode import DecodeRules
from pipelines.events.pseudonym import Pseudonyms
from pipelines.funnel.attribution import AttributionRules
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.tolerance import Tolerance
from pipelines.lake import Lake
from pipelines.operations.maintenance import MaintenancePolicy
from pipelines.pseudonym_key import refuse_another_key, refuse_lost_key
from pipelines.publish.warehouse import Warehouse

if TYPE_CHECKING:  # its library is slow to import, and needed by few
    from pipelines.operations.open_lineage import Collector

_PSEUDONYM_KEY: Final = "pseudonyms"
"""Name of the secret in the state folder that is the key of pseudonyms if none is configured."""


@dataclass
class Services:
    """The engines and stores of the settings; each starts at first use.

    With `looks_only` nothing is started or created: an embedded engine that does not run raises `NotRunning`.
    """

    settings: Settings
    on_progress: Callable[[str], None] = field(default=lambda _line: None)
    looks_only: bool = False

    @cached_property
    def state(self) -> StateFolder:
        """The state folder; it is created at first use."""
        return StateFolder(self.settings.state, looks_only=self.looks_only)

    def kafka(self) -> KafkaConnection:
        """Return the connection to the configured brokers, or to the embedded one, which is started if needed."""
        configured = self.settings.kafka
        if configured.bootstrap_servers is None:
            embedded = EmbeddedKafka(self.state)
            servers = self._started(embedded)
            return KafkaConnection(servers, embedded.client_options, self.settings.ingest.reader)
        options: dict[str, object] = dict(configured.options)
        secrets = {"sasl_plain_password": configured.sasl_password, "ssl_password": configured.ssl_password}
        options.update({name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None})
        return KafkaConnection(configured.bootstrap_servers, options, self.settings.ingest.reader)

    def receiver(self) -> EmbeddedReceiver:
        """Return the webhook receiver of the state folder."""
        return EmbeddedReceiver(self.state, self.settings.receive.host, self.settings.receive.port)

    def puller(self) -> EmbeddedPuller:
        """Return the process of the state folder that pulls from APIs."""
        return EmbeddedPuller(self.state)

    def warehouse_url(self) -> str:
        """Return the SQLAlchemy URL of the configured warehouse, or of the embedded one, which is started if needed."""
        configured = self.settings.warehouse.url
        if configured is not None:
            return configured.get_secret_value()
        return self._started(EmbeddedPostgres(self.state))

    def dagster_url(self) -> str:
        """Return the SQLAlchemy URL of Dagster's storage: its own database, or the configured warehouse."""
        configured = self.settings.dagster.storage_url or self.settings.warehouse.url
        if configured is not None:
            return configured.get_secret_value()
        postgres = EmbeddedPostgres(self.state)
        self._started(postgres)
        return postgres.url(DAGSTER)

    def reader_url(self) -> str:
        """Return the SQLAlchemy URL of the read-only login: the configured one, or that of the embedded PostgreSQL."""
        url = self.warehouse_url()
        return url if self.settings.warehouse.url is not None else EmbeddedPostgres(self.state).url(READER)

    def warehouse(self) -> Warehouse:
        """The warehouse."""
        return Warehouse(self.warehouse_url())

    def lake(self) -> Lake:
        """Return the lake; without a URI in the settings it is in the state folder, see `lake_folder`."""
        uri = self.settings.lake.uri
        if uri is None:
            uri = str(lake_of(self.state) if self.looks_only else lake_folder(self.state, self.on_progress))
        return Lake(uri, self.settings.lake.storage_options)

    def pseudonyms(self) -> Pseudonyms:
        """Return the pseudonyms with the configured key, or with a random one, created for a new lake.

        Raises:
            WrongPseudonymKey: the lake holds pseudonyms of another key.
        """
        lake, configured = self.lake(), self.settings.privacy.key
        if not self.has_pseudonym_key():
            refuse_lost_key(lake)
        key = configured.get_secret_value() if configured else self.state.secret(_PSEUDONYM_KEY)
        pseudonyms = Pseudonyms(key.encode())
        refuse_another_key(lake, pseudonyms)
        return pseudonyms

    def measures(self, carrier: str) -> Callable[[list[bytes]], Sequence[bytes]]:
        """Return the function that replaces texts in a carrier's payloads by measures before they are produced."""
        texts = Texts.of_company(self.pseudonyms(), keeps=self.settings.privacy.keep_texts)
        return partial(self.settings.registry()[carrier].measured, texts=texts)

    def has_pseudonym_key(self) -> bool:
        """Whether there is a key of the pseudonyms, configured or in the state folder."""
        return self.settings.privacy.key is not None or self.state.has_secret(_PSEUDONYM_KEY)

    def rules(self) -> Rules:
        """Return the company's definitions; raise `WrongPseudonymKey` like `pseudonyms`."""
        settings = self.settings
        return Rules(
            topics=CarriersOfTopics(
                settings.kafka.topics,
                partial(carrier_of, settings.registry(), decoder=settings.ingest.decoder),
                settings.kafka.coverage,
            ),
            decoding=DecodeRules(
                zone=settings.rules.zone,
                max_skew=dt.timedelta(minutes=settings.ingest.max_skew_minutes),
                pseudonyms=self.pseudonyms(),
                blocked_ids=frozenset(settings.identity.blocked_ids),
                operators=frozenset(settings.identity.operators),
            ),
            limits=BatchLimits(
                rows=settings.ingest.batch_rows,
                bytes=settings.ingest.batch_bytes,
                seconds=settings.ingest.batch_seconds,
                stall_seconds=settings.ingest.stall_seconds,
                run_rows=settings.ingest.run_rows,
            ),
            tolerance=Tolerance(share=settings.ingest.max_bad_share, rows=settings.ingest.bad_share_rows),
            accept_gaps=settings.ingest.accept_gaps,
            max_lost_share=settings.warehouse.max_lost_share,
            max_accounts=settings.identity.max_accounts,
            lateness=settings.lateness,
            idle_timeout=dt.timedelta(hours=settings.rules.idle_feed_hours),
            attribution=AttributionRules(
                models=settings.rules.attribution_models,
                look_back=dt.timedelta(days=settings.rules.look_back_days),
                half_life=dt.timedelta(days=settings.rules.half_life_days),
            ),
            life=settings.groups.life(),
            risk_retrain_days=settings.groups.risk_retrain_days,
            settings=settings.fingerprints(),
            funnels=load_funnels(settings.funnels.files, settings_file().absolute().parent),
            cron=settings.schedule.cron,
            receiver=self.receiver().url if settings.receive.routes else None,
            pulls=settings.pull_limits(),
        )

    def alerting(self) -> Alerting:
        """Return the policy of alerts; raise `UnknownService` for an unknown channel."""
        settings, alerts = self.settings, self.settings.alerts
        channels: list[Channel] = [
            AppriseChannel(name, url.get_secret_value(), alerts.link_base) for name, url in alerts.channels.items()
        ]
        if alerts.topic:
            channels.append(KafkaChannel(self.kafka(), alerts.topic, alerts.link_base))
        names = [channel.name for channel in channels]
        return Alerting(
            policy=alerts.policy(),
            limits=Limits(
                idle=dt.timedelta(hours=settings.rules.idle_feed_hours),
                silent_days=alerts.silent_days,
                least_messages=settings.groups.least_messages,
                target_precision=alerts.target_precision,
            ),
            zone=settings.rules.zone,
            channels=tuple(channels),
            quiet=None if alerts.quiet_hours is None else QuietHours.of(alerts.quiet_hours, settings.zone_info),
            pipeline_channels=tuple(names if alerts.pipeline_channels is None else alerts.pipeline_channels),
            lateness=settings.lateness,
            metric_rules=tuple(one.metric_rule() for one in alerts.metrics),
            reader=lambda: Warehouse(self.reader_url()),
        )

    def collector(self) -> Collector | None:
        """Return the collector of OpenLineage events; None if none is configured."""
        configured = self.settings.lineage
        if configured.url is None:
            return None
        from pipelines.operations.open_lineage import Collector, Places

        places = Places(
            lake=self.lake(),
            warehouse=sa.make_url(self.warehouse_url()),
            brokers=self.kafka().bootstrap_servers,
            topics=self.settings.kafka.own_topics,
        )
        token = None if configured.token is None else configured.token.get_secret_value()
        return Collector(configured.url, configured.namespace, places, token)

    def maintenance_policy(self) -> MaintenancePolicy:
        """Return the policy of maintenance."""
        kept = self.settings.maintenance
        raw_days, note_days = self.settings.privacy.keep_raw_days, self.settings.privacy.keep_note_days
        return MaintenancePolicy(
            small_files=kept.small_files,
            small_bytes=kept.small_file_mb * 1024 * 1024,
            keep_versions=dt.timedelta(hours=kept.keep_versions_hours),
            keep_values=None if raw_days is None else dt.timedelta(days=raw_days),
            keep_notes=None if note_days is None else dt.timedelta(days=note_days),
            keep_runs=kept.keep_runs,
            keep_runs_for=dt.timedelta(days=kept.keep_run_days),
            keep_alerts=dt.timedelta(days=kept.keep_alert_days),
            keep_restatements=dt.timedelta(days=kept.keep_restatement_days),
        )

    def _started(self, engine: EmbeddedKafka | EmbeddedPostgres) -> str:
        """Return the address of an engine, which is started if needed; with `looks_only` it must run."""
        if not self.looks_only:
            return engine.start(self.on_progress)
        address = engine.address()
        if address is None:
            name = "Kafka" if isinstance(engine, EmbeddedKafka) else "PostgreSQL"
            raise NotRunning(
                f"The embedded {name} does not run.",
                place=self.state.path,
                next_step="start what is embedded: emberline up",
            )
        return address

    def stop(self) -> None:
        """Stop the embedded engines; configured ones are left running."""
        EmbeddedKafka(self.state).stop()
        EmbeddedPostgres(self.state).stop()
