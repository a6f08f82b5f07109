"""Who may talk to the embedded broker: its clients with one password, the broker with itself by another.

Clients use SCRAM, which never sends the password: a program of another user that took the port while the broker was
down learns nothing. The broker knows itself by PLAIN, since it must be let in before it can store any login; only the
command that started it uses that login besides, to store the one of the clients.
"""

from __future__ import annotations

from typing import Any, Final

from emberline.embedded.ports import LOOPBACK
from emberline.embedded.state import StateFolder

_CLIENT: Final = "emberline"
_BROKER: Final = "broker"
_CLIENT_SECRET: Final = "kafka"  # noqa: S105 - the name of the secret
_BROKER_SECRET: Final = "kafka-broker"  # noqa: S105 - likewise
_LEAST_ITERATIONS: Final = 4096
"""They slow down the guessing of passwords. Ours are 32 random characters, and Kafka takes no fewer."""
_ANSWERS_WITHIN_MS: Final = 60_000

PROTOCOLS: Final = "listener.security.protocol.map"
"""The broker property that says which listener asks who one is."""

LETS_EVERYBODY_IN: Final = {PROTOCOLS: "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"}
"""Properties of a broker whose records nobody needs to hide, for tests and benchmarks with clients of other makers."""


def login_properties(state: StateFolder) -> dict[str, str]:
    """Return the broker's properties; they hold its password."""
    password = state.secret(_BROKER_SECRET)
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{_BROKER}" password="{password}" user_{_BROKER}="{password}";'
    )
    return {
        PROTOCOLS: "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": plain,
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
    }


def client_options(state: StateFolder) -> dict[str, object]:
    """Return the arguments of kafka-python's clients that let them in."""
    return _options("SCRAM-SHA-512", _CLIENT, state.secret(_CLIENT_SECRET))


def store_client_login(state: StateFolder, port: int) -> None:
    """Let clients in with the password of the state folder; waits until the broker takes it.

    Raises:
        KafkaError: It did not within a minute.
    """
    from kafka import admin

    kafka: Any = admin  # the type stubs are of an older client
    login = kafka.UserScramCredentialUpsertion(
        _CLIENT, kafka.ScramMechanism.SCRAM_SHA_512, state.secret(_CLIENT_SECRET), iterations=_LEAST_ITERATIONS
    )
    client = kafka.KafkaAdminClient(
        bootstrap_servers=f"{LOOPBACK}:{port}",
        bootstrap_timeout_ms=_ANSWERS_WITHIN_MS,
        **_options("PLAIN", _BROKER, state.secret(_BROKER_SECRET)),
    )
    try:
        client.alter_user_scram_credentials([login])
    finally:
        client.close()


def _options(mechanism: str, user: str, password: str) -> dict[str, object]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }
