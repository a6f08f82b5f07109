"""The embedded broker keeps its data and its address, and leaves other processes alone."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from emberline.embedded import DownloadFailed, EmbeddedKafka, EngineDied, FolderBusy, StateFolder
from emberline.embedded.jar_lock import KAFKA_VERSION, locked_jars
from emberline.embedded.jars import kafka_jars
from emberline.embedded.kafka_classes import classes_file
from emberline.embedded.kafka_login import LETS_EVERYBODY_IN
from emberline.embedded.ports import LOOPBACK
from emberline.embedded.tenancy import tenancy

# Settings of the client that the type stubs, made for an older one, do not know.
READY: dict[str, Any] = {"wait_for_metadata": True}
IMPATIENT: dict[str, Any] = {"bootstrap_timeout_ms": 3000}

START_IN_A_COMMAND = """
import sys
from pathlib import Path
from emberline.embedded import EmbeddedKafka, StateFolder
print(EmbeddedKafka(StateFolder(Path(sys.argv[1]))).start())
"""


@pytest.fixture(scope="module")
def state() -> Iterator[StateFolder]:
    folder = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-kafka-")))
    yield folder
    EmbeddedKafka(folder).stop()
    folder.destroy()


@pytest.fixture
def broker(state: StateFolder) -> EmbeddedKafka:
    """Give a running broker of this module's own, which a test may stop or kill."""
    broker = EmbeddedKafka(state)
    broker.start()
    return broker


@pytest.fixture
def stopped(state: StateFolder) -> EmbeddedKafka:
    """Give the same broker when it does not run, for tests that start it their own way."""
    broker = EmbeddedKafka(state)
    broker.stop()
    return broker


def processes(state: StateFolder) -> list[psutil.Process]:
    """Return every process that has to do with the state folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(state.path / "kafka") in part for part in process.info["cmdline"] or ())
    ]


def write(broker: EmbeddedKafka, topic: str, value: bytes) -> None:
    options: Any = {"bootstrap_servers": broker.start(), **broker.client_options}
    admin = KafkaAdminClient(**options)
    wanted: Any = {topic: {"num_partitions": 1}}
    admin.create_topics(wanted, **READY)
    admin.close()
    producer = KafkaProducer(**options, acks="all")
    producer.send(topic, value).get(timeout=120)
    producer.close()


def read(broker: EmbeddedKafka, topic: str) -> list[bytes]:
    options: Any = {"bootstrap_servers": broker.start(), **broker.client_options}
    consumer = KafkaConsumer(**options, auto_offset_reset="earliest")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    records = consumer.poll(timeout_ms=120_000).get(partition, [])
    consumer.close()
    return [record.value for record in records]


def topics(servers: str, **options: Any) -> list[str]:
    admin = KafkaAdminClient(bootstrap_servers=servers, **IMPATIENT, **options)
    try:
        return list(admin.list_topics())
    finally:
        admin.close()


def test_starting_twice_gives_the_same_broker(broker: EmbeddedKafka, state: StateFolder):
    before = processes(state)
    assert broker.start() == broker.address()
    assert processes(state) == before


def test_the_broker_listens_on_the_loopback_interface_only(broker: EmbeddedKafka, state: StateFolder):
    sockets = processes(state)[0].net_connections("inet")
    heard = {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN}
    assert {ip.removeprefix("::ffff:") for ip in heard} == {LOOPBACK}


@pytest.mark.parametrize("listener", ["client", "controller"])
@pytest.mark.parametrize(
    "login",
    [
        {},
        {"sasl_mechanism": "PLAIN", "sasl_plain_username": "broker", "sasl_plain_password": "guess"},
        {"sasl_mechanism": "PLAIN", "sasl_plain_username": "emberline", "sasl_plain_password": ""},
        {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "emberline", "sasl_plain_password": "guess"},
    ],
    ids=["none", "broker", "no password", "wrong password"],
)
def test_who_cannot_read_the_state_folder_is_turned_away(
    broker: EmbeddedKafka, state: StateFolder, listener: str, login: dict[str, str]
):
    port = (state.path / "kafka" / f"{listener}.port").read_text()
    protocol = {"security_protocol": "SASL_PLAINTEXT"} if login else {}
    with pytest.raises(KafkaError):
        topics(f"{LOOPBACK}:{port}", **protocol, **login)
    assert topics(broker.start(), **broker.client_options) is not None


def test_the_passwords_stand_in_files_of_the_owner_only(broker: EmbeddedKafka, state: StateFolder):
    write(broker, "watched", b"kept")
    passwords = [state.secret(name).encode() for name in ("kafka", "kafka-broker")]
    told = [file for file in state.path.rglob("*") if file.is_file() and has_any(file.read_bytes(), passwords)]
    assert {str(file.relative_to(state.path)) for file in told} == {
        "secrets/kafka",
        "secrets/kafka-broker",
        "kafka/server.properties",
    }
    assert {stat.S_IMODE(file.stat().st_mode) for file in told} == {0o600}
    commands = " ".join(part for process in processes(state) for part in process.cmdline()).encode()
    assert not has_any(commands, passwords)


def test_records_survive_a_kill_and_a_start(broker: EmbeddedKafka, state: StateFolder):
    write(broker, "killed", b"kept")
    processes(state)[0].kill()
    assert read(broker, "killed") == [b"kept"]


def test_a_restart_keeps_records_and_port(broker: EmbeddedKafka):
    before = broker.address()
    write(broker, "stopped", b"kept")
    broker.stop()
    assert read(broker, "stopped") == [b"kept"]
    assert broker.address() == before


def test_a_restarted_broker_reads_its_classes_from_the_file_of_the_first_one(broker: EmbeddedKafka, state: StateFolder):
    broker.stop()
    broker.start()
    [process] = processes(state)
    assert str(classes_file(kafka_jars(print))) in [mapped.path for mapped in process.memory_maps()]


def test_stopping_leaves_no_process_and_no_address(broker: EmbeddedKafka, state: StateFolder):
    broker.stop()
    broker.stop()
    assert processes(state) == []
    assert broker.address() is None


def test_no_second_broker_starts_on_files_in_use(stopped: EmbeddedKafka, state: StateFolder):
    # What a broker of another container looks like from here: the lock, and no process.
    with tenancy(state, "kafka"), pytest.raises(FolderBusy, match="cannot see"):
        stopped.start()


def test_a_port_taken_meanwhile_is_replaced(stopped: EmbeddedKafka, state: StateFolder):
    with socket.create_server((LOOPBACK, 0)) as other:
        before = other.getsockname()[1]
        (state.path / "kafka").mkdir(exist_ok=True)
        (state.path / "kafka" / "client.port").write_text(str(before))
        after = stopped.start()
        write(stopped, "moved", b"answered")
        assert after != f"{LOOPBACK}:{before}"
        assert read(stopped, "moved") == [b"answered"]


def test_two_commands_at_once_start_one_broker_that_outlives_them(stopped: EmbeddedKafka, state: StateFolder):
    command = [sys.executable, "-c", START_IN_A_COMMAND, str(state.path)]
    with ExitStack() as stack:
        commands = [stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(2)]
        addresses = {command.communicate(timeout=600)[0].strip() for command in commands}
    assert addresses == {stopped.address()}
    assert len(processes(state)) == 1


def test_a_broker_whose_pid_file_is_lost_is_stopped(broker: EmbeddedKafka, state: StateFolder):
    (state.path / "kafka" / "kafka.pid").unlink()
    broker.stop()
    assert processes(state) == []


def test_a_start_that_broke_off_before_clients_were_let_in_is_finished_by_the_next_one(
    stopped: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
):
    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("emberline.embedded.kafka.store_client_login", break_off)
        with pytest.raises(KeyboardInterrupt):
            stopped.start()
    assert topics(stopped.start(), **stopped.client_options) is not None


def has_any(text: bytes, words: list[bytes]) -> bool:
    return any(word in text for word in words)


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "running"])
def test_a_broker_of_the_version_before_is_guarded_by_the_next_start_and_keeps_its_records(
    stopped: EmbeddedKafka, state: StateFolder, is_running: bool
):
    before = EmbeddedKafka(state, properties=LETS_EVERYBODY_IN)
    servers, topic = before.start(), f"before-{is_running}"
    write(before, topic, b"kept")
    if not is_running:
        before.stop()
    assert stopped.start() == servers
    with pytest.raises(KafkaError):
        topics(servers)
    assert read(stopped, topic) == [b"kept"]


def test_a_broker_that_cannot_start_quotes_its_log(stopped: EmbeddedKafka, state: StateFolder):
    broken = EmbeddedKafka(state, properties={"num.io.threads": "many"})
    with pytest.raises(EngineDied, match=r"(?s)Where: .*\.log\n.*num\.io\.threads"):
        broken.start()


def test_a_process_id_given_to_another_program_is_left_alone(tmp_path: Path):
    state = StateFolder(tmp_path / "state")
    (state.path / "kafka").mkdir()
    (state.path / "kafka" / "kafka.pid").write_text(str(os.getpid()))
    broker = EmbeddedKafka(state)
    assert broker.address() is None
    broker.stop()


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(DownloadFailed, match="EMBERLINE__KAFKA__BOOTSTRAP_SERVERS"):
        EmbeddedKafka(StateFolder(tmp_path / "state")).start()
    assert list((tmp_path / "cache").rglob("*.jar")) == []


def test_the_lock_file_holds_one_version_of_kafka():
    versions = {
        jar.coordinate.rsplit(":", 1)[1] for jar in locked_jars() if jar.coordinate.startswith("org.apache.kafka:")
    }
    assert versions == {KAFKA_VERSION}
