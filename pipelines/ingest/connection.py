"""How this project talks to Kafka: one place for the clients' options."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import (
    AuthorizationError,
    KafkaConfigurationError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NoError,
    RequestTimedOutError,
    RetriableError,  # pyright: ignore[reportAttributeAccessIssue] - the type stubs are of an older client
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
    for_code,
)
from kafka.structs import TopicPartition

from pipelines.ingest.client_options import KafkaMisconfigured
from pipelines.ingest.reader import ReaderKind
from schemas.errors import EmberlineError

_CLIENT_ID: Final = "emberline"
_PATIENCE_S: Final = 30.0
_FIRST_ANSWER_S: Final = 10.0
_REFUSALS: Final = (AuthorizationError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError)
_HUNG_UP: Final = ("socket disconnected", "Connection reset by peer", "Broken pipe")
_CHECK_LOGIN: Final = (
    "Check security_protocol, sasl_mechanism and sasl_plain_username in [kafka.options], and the password in "
    "EMBERLINE__KAFKA__SASL_PASSWORD."
)
_LOG_END: Final = -1
"""The timestamp that stands for the end of a log in a request for offsets."""


Isolation = Literal["read_committed", "read_uncommitted"]


class KafkaUnreachable(EmberlineError):
    """No broker answered."""


class KafkaRefused(EmberlineError):
    """The brokers answered, and do not let this user in."""


class KafkaHungUp(EmberlineError):
    """The brokers close the connection while this user logs in, and do not say why."""


class TopicUnreadable(EmberlineError):
    """A topic exists, or may, and this user cannot see it."""


class TopicNotCreated(EmberlineError):
    """A topic is missing, and this user may not create it."""


@dataclass(frozen=True)
class GroupTimes:
    """After how long without a sign of life a worker loses its partitions, and how often topics are looked at anew."""

    session_s: float = 30.0
    look_again_s: float = 10.0


@dataclass(frozen=True)
class Topic:
    """One topic as the cluster has it now. `topic_id` differs from that of a deleted namesake."""

    name: str
    topic_id: str
    partitions: tuple[int, ...]


class TopicDirectory:
    """The topics as the cluster has them at the moment of asking."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._admin = admin

    def topics(self, names: Iterable[str]) -> list[Topic]:
        """Those of the named topics that exist, by name.

        Raises:
            TopicUnreadable: the brokers refuse to describe one; it must not pass for a topic without records.
        """
        described: Any = self._admin.describe_topics(sorted(names))
        for topic in described:
            if topic["error_code"] not in {NoError.errno, UnknownTopicOrPartitionError.errno}:
                reason = for_code(topic["error_code"]).__name__
                raise TopicUnreadable(
                    f"The brokers do not describe topic {topic['name']}: {reason}.",
                    "Nothing was read. Let this user describe and read it, or name the topics to read, without it, "
                    "under [kafka.topics].",
                )
        return [
            Topic(
                name=topic["name"],
                topic_id=str(uuid.UUID(str(topic["topic_id"]))),
                partitions=tuple(sorted(partition["partition_index"] for partition in topic["partitions"])),
            )
            for topic in described
            if topic["error_code"] == NoError.errno
        ]


@dataclass(frozen=True)
class KafkaConnection:
    """Brokers and how to reach them.

    `options` are kafka-python's own names (`security_protocol`, `sasl_mechanism`, `ssl_cafile`, ...), handed to every
    client. `reader` is how records become columns; it never changes which.
    """

    bootstrap_servers: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reader: ReaderKind = "auto"

    def consumer(self, isolation_level: Isolation = "read_committed") -> KafkaConsumer:
        """A consumer of committed records, from positions it is told, that never commits by itself."""
        return self._consumer(isolation_level=isolation_level)

    def group_member(self, group: str, times: GroupTimes) -> KafkaConsumer:
        """A consumer as `consumer` gives, that shares the partitions of topics with the others of its group.

        They are dealt out one by one over all topics: by ranges, topics of few partitions would all fall to the first.
        """
        return self._consumer(
            isolation_level="read_committed",
            group_id=group,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=int(times.session_s * 1000),
            heartbeat_interval_ms=int(times.session_s * 1000 / 10),
            metadata_max_age_ms=int(times.look_again_s * 1000),
        )

    def producer(self, **options: Any) -> KafkaProducer:
        """A producer whose records are acknowledged by all replicas and never doubled by its own retries.

        `options` are kafka-python's own, such as how long it waits for more records and tries to deliver them.
        """
        usual = {"linger_ms": 20, "batch_size": 256 * 1024, "compression_type": "lz4"}
        return self._connect(KafkaProducer, acks="all", enable_idempotence=True, **{**usual, **options})

    def topics(self, names: Iterable[str]) -> list[Topic]:
        """Those of the named topics that exist, by name; see `TopicDirectory.topics`."""
        with self.directory() as directory:
            return directory.topics(names)

    @contextmanager
    def directory(self, patience_s: float = _PATIENCE_S) -> Iterator[TopicDirectory]:
        """A directory of the topics, for who asks more than once; an answer may take so many seconds."""
        admin = self._connect(KafkaAdminClient, request_timeout_ms=int(patience_s * 1000))
        try:
            yield TopicDirectory(admin)
        finally:
            admin.close()

    def log_ends(self, topics: Iterable[Topic]) -> dict[TopicPartition, int]:
        """Where the log of each partition ends, open transactions included.

        A consumer of committed records is told the end of what it may read, which an open transaction holds back: by
        that end alone a hanging transaction looks like a feed without lag.
        """
        partitions = [TopicPartition(topic.name, number) for topic in topics for number in topic.partitions]
        admin = self._connect(KafkaAdminClient)
        try:
            found = admin.list_partition_offsets(dict.fromkeys(partitions, _LOG_END))
        finally:
            admin.close()
        return {partition: found[partition].offset for partition in partitions}

    def create_topics(self, names: Iterable[str], partitions: int, configs: Mapping[str, str] | None = None) -> None:
        """Create the topics that are missing, with the cluster's default replication.

        Whoever may write to a topic need not be allowed to create one: nothing is asked for where all are there.

        Args:
            names: of the topics.
            partitions: of each that is created.
            configs: of those, beside the cluster's own.

        Raises:
            TopicUnreadable: This user may not see whether a topic is there.
            TopicNotCreated: A topic is missing, and this user may not create it.
        """
        wanted = list(names)
        admin = self._connect(KafkaAdminClient)
        try:
            found = {topic.name for topic in TopicDirectory(admin).topics(wanted)}
            for name in wanted:
                if name not in found:
                    _create(admin, name, partitions, configs or {})
        finally:
            admin.close()

    @contextmanager
    def errors_told(self) -> Iterator[None]:
        """Tell the client's errors as this project's, wherever brokers are spoken to.

        Raises:
            KafkaRefused: the brokers do not accept the credentials, or do not allow what was asked for.
            KafkaHungUp: the brokers close the connection during the login.
            KafkaUnreachable: no broker answered in time.
        """
        try:
            yield
        except _REFUSALS as error:
            raise KafkaRefused(
                f"The Kafka brokers at {self.bootstrap_servers} refuse this user ({error}).",
                f"{_CHECK_LOGIN} Look at what the user may read and write, too.",
            ) from error
        except RetriableError as error:
            raise KafkaUnreachable(
                f"No Kafka broker answers at {self.bootstrap_servers} ({error}).",
                "Check kafka.bootstrap_servers and the security options, or leave both out for the embedded broker.",
            ) from error

    def _consumer(self, **options: Any) -> KafkaConsumer:
        return self._connect(
            KafkaConsumer,
            auto_offset_reset="none",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            max_poll_records=50_000,
            max_partition_fetch_bytes=8 * 1024 * 1024,
            **options,
        )

    def _connect(self, client: type[Any], **options: Any) -> Any:
        common = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": _CLIENT_ID,
            "bootstrap_timeout_ms": int(_FIRST_ANSWER_S * 1000),
        }
        with self.errors_told(), _failures_noted() as failures:
            try:
                return client(**{**common, **options, **self._untold_options})
            except KafkaConfigurationError as error:
                raise KafkaMisconfigured(
                    f"The options in [kafka.options] do not go together: {error.args[0]}",
                    "Mend them, or leave them out.",
                ) from error
            except KafkaTimeoutError as error:
                causes = [failure for failure in failures if not isinstance(failure, KafkaTimeoutError)]
                if not causes:
                    raise
                refusal = next((cause for cause in causes if isinstance(cause, _REFUSALS)), None)
                if refusal is not None:
                    raise refusal from error
                # The last attempt is cut short by the end of the patience, which says nothing of the broker.
                why = next((cause for cause in causes[::-1] if not isinstance(cause, RequestTimedOutError)), causes[-1])
                if self._has_login and any(words in str(why) for words in _HUNG_UP):
                    raise self._hung_up() from error
                raise KafkaConnectionError(str(why)) from error

    def _hung_up(self) -> KafkaHungUp:
        """A broker that does not accept a login often closes so soon that its answer is lost; others close as well."""
        return KafkaHungUp(
            f"The Kafka brokers at {self.bootstrap_servers} close the connection while this user logs in, "
            "and do not say why.",
            f"{_CHECK_LOGIN} If all are right, the brokers' own log says more.",
        )

    @property
    def _untold_options(self) -> dict[str, Any]:
        """The options; the admin client would write its passwords into the debug log."""
        return {name: _Untold(value) if name.endswith("password") else value for name, value in self.options.items()}

    @property
    def _has_login(self) -> bool:
        return str(self.options.get("security_protocol", "")).startswith("SASL")


def _create(admin: KafkaAdminClient, name: str, partitions: int, configs: Mapping[str, str]) -> None:
    try:
        admin.create_topics([NewTopic(name, partitions, -1, topic_configs=dict(configs))])
    except TopicAlreadyExistsError:  # somebody else has since
        return
    except AuthorizationError as error:
        raise TopicNotCreated(
            f"Topic {name} is missing, and this user may not create it.",
            "Let an administrator create it, and this user describe, read and write it; then repeat this.",
        ) from error


class _Untold(str):
    """A text that is not shown where what holds it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


class _Failures(logging.Handler):
    """Keeps the errors that are logged: all that the client tells of why it could not connect."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[Exception] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.found.extend(argument for argument in arguments if isinstance(argument, Exception))


@contextmanager
def _failures_noted() -> Iterator[list[Exception]]:
    """A client that is turned away tries again until its time is up, and then knows of a timeout only."""
    handler, logger = _Failures(), logging.getLogger("kafka.net.manager")
    logger.addHandler(handler)
    try:
        yield handler.found
    finally:
        logger.removeHandler(handler)
