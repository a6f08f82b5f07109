"""`python -m emberline.embedded.relock`: write the lock file of Kafka's jars again.

For maintainers, after a change of `KAFKA_VERSION`. Review the diff before committing it.
"""

import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from emberline.embedded.jar_lock import KAFKA_VERSION, LOCK_FILE, Jar, sha256

_BROKER = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"

# The broker depends on a logging interface only: without this binding it runs but logs nothing, not
# even why it died. Its version is that of the log4j-core the broker brings.
_LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"


def resolve() -> list[Jar]:
    """Resolve the broker and its runtime dependencies (over the network, about half a minute)."""
    with tempfile.TemporaryDirectory() as folder:
        maven = MavenContext(resolver=PythonResolver(), repo_cache=Path(folder), local_repos=[])
        broker, needed = maven.resolver.resolve([maven.create_dependency(_BROKER)])
        # The binding is added by itself: resolved together with the broker, the versions its own
        # build manages (kafka-clients 3.8 among them) would win over those of the broker.
        found = [*broker, *(dependency for dependency in needed if dependency.scope != "provided")]
        found.append(maven.create_dependency(_LOG_BINDING))
        return sorted(Jar(f"{d.groupId}:{d.artifactId}:{d.version}", sha256(d.artifact.resolve())) for d in found)


if __name__ == "__main__":
    lines = [f"{jar.coordinate} {jar.sha256}\n" for jar in resolve()]
    Path(__file__).with_name(LOCK_FILE).write_text("".join(lines))
