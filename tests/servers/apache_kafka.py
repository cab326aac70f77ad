"""Apache Kafka on this machine's Java, as a child process that listens on 127.0.0.1."""

from __future__ import annotations

import shutil
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.embedded.processes import ChildProcess, EmbeddedServerUnavailable, free_port, run_in_thread, run_tool
from adapters.embedded.server import EmbeddedServer
from tests.servers.kafka_jars import kafka_jars_folder

_STARTED = "Kafka Server started"

# After a kill the node is let back in once the session of its former life has run out: 9 s by default.
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=2500
"""

# Warnings, and the one line that says that the server is ready.
_LOGGING = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
"""


class ApacheKafka(EmbeddedServer):
    """One KRaft node with all its data in one folder, which is made when it is missing.

    The jars are fetched by Maven once and kept in a cache folder (`CHECKOUT_CACHE_DIR` moves it).
    """

    name = "Apache Kafka"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        """`settings` are further properties, written after ours. `format_options` go to the storage tool. Both apply only
        when the folder is created."""
        self._more_settings = settings or {}
        self._format_options = format_options
        self.folder = folder.resolve()
        self.port = port or free_port()
        self._controller_port = free_port()

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        java = _java()
        jars = await run_in_thread(kafka_jars_folder)
        properties, logging = self.folder / "server.properties", self.folder / "log4j2.properties"
        if not properties.exists():
            await run_in_thread(lambda: self._format(java, jars, properties, logging))
        command = [*_java_command(java, jars, logging), "kafka.Kafka", str(properties)]
        process = ChildProcess(self.name, command, self.folder / "kafka.log")
        await self._run(process, lambda: _STARTED in process.output(), limit=60)

    def _format(self, java: str, jars: Path, properties: Path, logging: Path) -> None:
        """Writes the settings and an empty store; the settings get their name last, as the mark that all is done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        logging.write_text(_LOGGING)
        draft = properties.with_suffix(".draft")
        own = _SETTINGS.format(port=self.port, controller_port=self._controller_port, folder=self.folder)
        draft.write_text(own + "".join(f"{name}={value}\n" for name, value in self._more_settings.items()))
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A cluster id must not look like an option.
        arguments = ["format", f"--cluster-id={cluster}", "--ignore-formatted", "--config", str(draft)]
        arguments += self._format_options
        run_tool(
            "Apache Kafka's storage tool",
            [*_java_command(java, jars, logging), "kafka.tools.StorageTool", *arguments],
        )
        draft.rename(properties)


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise EmbeddedServerUnavailable("Apache Kafka needs Java 17 or newer, and there is no `java` on the PATH")
    return java


def _java_command(java: str, jars: Path, logging: Path) -> list[str]:
    return [
        java,
        "-Xms64m",
        "-Xmx400m",
        # A quick start matters more here than the last bit of speed later.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={logging}",
        "-cp",
        f"{jars}/*",
    ]
