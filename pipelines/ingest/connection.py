"""Connections to Kafka: the one place for the clients' options."""

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
_TIMEOUT_S: Final = 30.0
_FIRST_ANSWER_S: Final = 10.0
_REFUSALS: Final = (AuthorizationError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError)
_HUNG_UP: Final = ("socket disconnected", "Connection reset by peer", "Broken pipe")
_CHECK_LOGIN: Final = (
    "Check security_protocol, sasl_mechanism and sasl_plain_username in [kafka.options], and the password in "
    "EMBERLINE__KAFKA__SASL_PASSWORD."
)
_LOG_END: Final = -1
"""The timestamp that means the end of a log in a request for offsets."""


Isolation = Literal["read_committed", "read_uncommitted"]


class KafkaUnreachable(EmberlineError):
    """No broker answered."""


class KafkaRefused(EmberlineError):
    """The brokers reject this user."""


class KafkaHungUp(EmberlineError):
    """The brokers close the connection during the login without a reason."""


class TopicUnreadable(EmberlineError):
    """A topic exists, or may exist, but this user cannot see it."""


class TopicNotCreated(EmberlineError):
    """A topic is missing, and this user may not create it."""


@dataclass(frozen=True)
class GroupTimes:
    """Time without a heartbeat until a worker loses its partitions, and the refresh interval of topic metadata."""

    session_s: float = 30.0
    look_again_s: float = 10.0


@dataclass(frozen=True)
class Topic:
    """A topic of the cluster. `topic_id` differs from that of a deleted topic of the same name."""

    name: str
    topic_id: str
    partitions: tuple[int, ...]


class TopicDirectory:
    """Queries the current topics of the cluster."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._admin = admin

    def topics(self, names: Iterable[str]) -> list[Topic]:
        """Return those of the named topics that exist, by name.

        Raises:
            TopicUnreadable: The brokers refuse to describe a topic, which must not be taken for an empty one.
        """
        described: Any = self._admin.describe_topics(sorted(names))
        for topic in described:
            if topic["error_code"] not in {NoError.errno, UnknownTopicOrPartitionError.errno}:
                reason = for_code(topic["error_code"]).__name__
                raise TopicUnreadable(
                    f"The brokers do not describe topic {topic['name']}: {reason}.",
                    "Nothing was read. Let this user describe and read it, or list the topics to read, without it, "
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

    def log_ends(self, topics: Iterable[Topic]) -> dict[TopicPartition, int]:
        """Return the log end offset of each partition, including open transactions.

        A consumer of committed records only sees the last stable offset, by which a hanging transaction would look like
        a partition without lag.
        """
        partitions = [TopicPartition(topic.name, number) for topic in topics for number in topic.partitions]
        admin: Any = self._admin
        found = admin.list_partition_offsets(dict.fromkeys(partitions, _LOG_END))
        return {partition: found[partition].offset for partition in partitions}


@dataclass(frozen=True)
class KafkaConnection:
    """Brokers and how to reach them.

    `options` are kafka-python's (`security_protocol`, `sasl_mechanism`, `ssl_cafile`, ...), passed to every client.
    `reader` is how records become columns; it does not change the rows.
    """

    bootstrap_servers: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reader: ReaderKind = "auto"

    def consumer(self, isolation_level: Isolation = "read_committed") -> KafkaConsumer:
        """Return a consumer of committed records without automatic offsets or commits."""
        return self._consumer(isolation_level=isolation_level)

    def group_member(self, group: str, times: GroupTimes) -> KafkaConsumer:
        """Return a consumer like `consumer` that shares the partitions of topics with its group.

        Round-robin assignment over all topics: by ranges, topics of few partitions would all go to the first member.
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
        """Return an idempotent producer whose records are acknowledged by all replicas.

        `options` are kafka-python's, such as linger time and delivery timeout.
        """
        usual = {"linger_ms": 20, "batch_size": 256 * 1024, "compression_type": "lz4"}
        return self._connect(KafkaProducer, acks="all", enable_idempotence=True, **{**usual, **options})

    def topics(self, names: Iterable[str]) -> list[Topic]:
        """Return those of the named topics that exist, by name; see `TopicDirectory.topics`."""
        with self.directory() as directory:
            return directory.topics(names)

    @contextmanager
    def directory(self, timeout_s: float = _TIMEOUT_S) -> Iterator[TopicDirectory]:
        """Open a directory of the topics for several queries, with a timeout in seconds."""
        admin = self._connect(KafkaAdminClient, request_timeout_ms=int(timeout_s * 1000))
        try:
            yield TopicDirectory(admin)
        finally:
            admin.close()

    def log_ends(self, topics: Iterable[Topic]) -> dict[TopicPartition, int]:
        """Return the log end offset of each partition; see `TopicDirectory.log_ends`."""
        with self.directory() as directory:
            return directory.log_ends(topics)

    def create_topics(self, names: Iterable[str], partitions: int, configs: Mapping[str, str] | None = None) -> None:
        """Create the missing topics, with the cluster's default replication.

        If none is missing, no right to create topics is needed.

        Args:
            names: Names of the topics.
            partitions: Number of partitions of each new topic.
            configs: Configuration of new topics, beside the cluster's.

        Raises:
            TopicUnreadable: This user may not see whether a topic exists.
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
    def translate_errors(self) -> Iterator[None]:
        """Convert the client's errors in this block to errors of this project.

        Raises:
            KafkaRefused: The brokers reject the credentials or do not allow the request.
            KafkaHungUp: The brokers close the connection during the login.
            KafkaUnreachable: No broker answered in time.
        """
        try:
            yield
        except _REFUSALS as error:
            raise KafkaRefused(
                f"The Kafka brokers at {self.bootstrap_servers} refuse this user ({error}).",
                f"{_CHECK_LOGIN} Also check which topics the user may read and write.",
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
        with self.translate_errors(), _failures_noted() as failures:
            try:
                return client(**{**common, **options, **self._untold_options})
            except KafkaConfigurationError as error:
                raise KafkaMisconfigured(
                    f"The options in [kafka.options] contradict each other: {error.args[0]}",
                    "Correct or remove them.",
                ) from error
            except KafkaTimeoutError as error:
                causes = [failure for failure in failures if not isinstance(failure, KafkaTimeoutError)]
                if not causes:
                    raise
                refusal = next((cause for cause in causes if isinstance(cause, _REFUSALS)), None)
                if refusal is not None:
                    raise refusal from error
                # The last attempt is cut short by the timeout, so its error is not the cause.
                why = next((cause for cause in causes[::-1] if not isinstance(cause, RequestTimedOutError)), causes[-1])
                if self._has_login and any(words in str(why) for words in _HUNG_UP):
                    raise self._hung_up() from error
                raise KafkaConnectionError(str(why)) from error

    def _hung_up(self) -> KafkaHungUp:
        """Return the error for a closed connection: brokers that reject a login often close before they answer."""
        return KafkaHungUp(
            f"The Kafka brokers at {self.bootstrap_servers} close the connection while this user logs in, "
            "and do not say why.",
            f"{_CHECK_LOGIN} If all are right, the brokers' own log says more.",
        )

    @property
    def _untold_options(self) -> dict[str, Any]:
        """Return the options with hidden passwords: the admin client would write them to the debug log."""
        return {name: _Untold(value) if name.endswith("password") else value for name, value in self.options.items()}

    @property
    def _has_login(self) -> bool:
        return str(self.options.get("security_protocol", "")).startswith("SASL")


def _create(admin: KafkaAdminClient, name: str, partitions: int, configs: Mapping[str, str]) -> None:
    try:
        admin.create_topics([NewTopic(name, partitions, -1, topic_configs=dict(configs))])
    except TopicAlreadyExistsError:  # somebody else created it meanwhile
        return
    except AuthorizationError as error:
        raise TopicNotCreated(
            f"Topic {name} is missing, and this user may not create it.",
            "Let an administrator create it, and this user describe, read and write it; then repeat this.",
        ) from error


class _Untold(str):
    """A text whose repr is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


class _Failures(logging.Handler):
    """Collects logged errors, the only place where the client says why it could not connect."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[Exception] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.found.extend(argument for argument in arguments if isinstance(argument, Exception))


@contextmanager
def _failures_noted() -> Iterator[list[Exception]]:
    """Collect the client's connection errors: a rejected client retries and then only reports a timeout."""
    handler, logger = _Failures(), logging.getLogger("kafka.net.manager")
    logger.addHandler(handler)
    try:
        yield handler.found
    finally:
        logger.removeHandler(handler)
