"""Channels that alerts are delivered to: services supported by Apprise, and the Kafka topic `group.alerts`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from kafka.errors import KafkaError

from pipelines.alerts.messages import KAFKA, OutboxNotice, message, record
from pipelines.ingest.connection import KafkaConnection
from schemas.errors import EmberlineError

_ACKNOWLEDGED_S: Final = 30


class UnknownService(EmberlineError):
    """Apprise does not support this URL."""


class ChannelFailed(EmberlineError):
    """A delivery was not accepted, or it is unknown whether it was."""


class Channel(Protocol):
    """A destination of notices."""

    @property
    def name(self) -> str:
        """Its name; notices wait for it under this name."""
        ...

    def send(self, notices: Sequence[OutboxNotice]) -> int:
        """Send the first of these notices, as many as fit, and return how many. Raise `ChannelFailed` if none was."""
        ...


class AppriseChannel:
    """One service by its Apprise URL: `wecombot://`, `dingtalk://`, `feishu://`, `slack://`, `tgram://`, `mailto://`...

    Services have no idempotency key, so a message that is sent again is shown twice.
    """

    def __init__(self, name: str, url: str, link_base: str | None = None) -> None:
        """Take one URL; raise `UnknownService` where Apprise cannot read it."""
        import apprise  # slow to import, and needed only where a channel is configured

        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if not isinstance(service, apprise.NotifyBase):
            raise UnknownService(
                f"Apprise does not support the URL of the alert channel {name}.",
                f"Correct EMBERLINE__ALERTS__CHANNELS__{name.upper()}; the services are listed at appriseit.com.",
            )
        # The outbox limits how much is sent at a time; a pause here would stop the sensor that watches everything.
        service.request_rate_per_sec = 0
        self.name = name
        self._service = service
        self._link_base = link_base

    def send(self, notices: Sequence[OutboxNotice]) -> int:
        """Send one message."""
        import apprise

        text = message(notices, self._link_base, self._service.body_maxlen)
        log: Any
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            is_sent = self._service.notify(body=text.body, title=text.title, body_format=apprise.NotifyFormat.TEXT)
            reason = " ".join(log.getvalue().split())
        if not is_sent:
            raise ChannelFailed(
                f"The alert channel {self.name} did not accept a message: {reason or 'no reason given'}",
                "It is tried again. See that the service runs, and try `emberline alerts test`.",
            )
        return text.notices


class KafkaChannel:
    """The topic of alerts: one record per notice, with the notice's id as key, by which a consumer finds duplicates."""

    name = KAFKA

    def __init__(self, kafka: KafkaConnection, topic: str, link_base: str | None = None) -> None:
        self._kafka = kafka
        self._topic = topic
        self._link_base = link_base

    def send(self, notices: Sequence[OutboxNotice]) -> int:
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
                    for one in notices
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
        return len(notices)
