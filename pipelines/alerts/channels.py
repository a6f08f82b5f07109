"""Where alerts are told: services that Apprise knows, and the Kafka topic `group.alerts`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from kafka.errors import KafkaError

from pipelines.alerts.messages import KAFKA, Told, message, record
from pipelines.ingest.connection import KafkaConnection
from schemas.errors import EmberlineError

_ACKNOWLEDGED_S: Final = 30


class UnknownService(EmberlineError):
    """Apprise knows no service of this form."""


class ChannelFailed(EmberlineError):
    """What was sent was not accepted, or it is not known whether it was."""


class Channel(Protocol):
    """A place where alerts are told."""

    @property
    def name(self) -> str:
        """Its name; notices wait for it under this name."""
        ...

    def send(self, told: Sequence[Told]) -> int:
        """Send the first of these notices, as many as go together; how many. Raise `ChannelFailed` if none was."""
        ...


class AppriseChannel:
    """One service by its Apprise URL: `wecombot://`, `dingtalk://`, `feishu://`, `slack://`, `tgram://`, `mailto://`...

    It has no key that would keep a service from showing a message twice.
    """

    def __init__(self, name: str, url: str, link_base: str | None = None) -> None:
        """Take one URL; raise `UnknownService` where Apprise cannot read it."""
        import apprise  # slow to import, and needed only where a channel is configured

        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if not isinstance(service, apprise.NotifyBase):
            raise UnknownService(
                f"The URL of the alert channel {name} is none that Apprise knows.",
                f"Correct EMBERLINE__ALERTS__CHANNELS__{name.upper()}; the services are listed at appriseit.com.",
            )
        # How much is sent at a time is the outbox's matter: a pause here would stop what looks after everything.
        service.request_rate_per_sec = 0
        self.name = name
        self._service = service
        self._link_base = link_base

    def send(self, told: Sequence[Told]) -> int:
        """Send one message."""
        import apprise

        text = message(told, self._link_base, self._service.body_maxlen)
        log: Any
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            is_sent = self._service.notify(body=text.body, title=text.title, body_format=apprise.NotifyFormat.TEXT)
            told_why = " ".join(log.getvalue().split())
        if not is_sent:
            raise ChannelFailed(
                f"The alert channel {self.name} did not accept a message: {told_why or 'it does not say why'}",
                "It is tried again. See that the service runs, and try `emberline alerts test`.",
            )
        return text.notices


class KafkaChannel:
    """The topic of alerts: a record a notice, with the notice's id as key, so that a consumer knows it again."""

    name = KAFKA

    def __init__(self, kafka: KafkaConnection, topic: str, link_base: str | None = None) -> None:
        self._kafka = kafka
        self._topic = topic
        self._link_base = link_base

    def send(self, told: Sequence[Told]) -> int:
        """Send all; each is acknowledged by all replicas, or none counts as sent."""
        try:
            self._kafka.create_topics([self._topic], partitions=1)
            producer = self._kafka.producer()
            try:
                sent = [
                    producer.send(
                        self._topic,
                        key=str(one.notice_id).encode(),
                        value=json.dumps(record(one, self._link_base), ensure_ascii=False).encode(),
                    )
                    for one in told
                ]
                for future in sent:
                    future.get(timeout=_ACKNOWLEDGED_S)
            finally:
                producer.close(timeout=_ACKNOWLEDGED_S)
        except (KafkaError, EmberlineError) as error:
            raise ChannelFailed(
                f"The topic {self._topic} did not take alerts: {error}",
                "They are tried again. See that Kafka runs, and that this user may write to the topic.",
            ) from error
        return len(told)
