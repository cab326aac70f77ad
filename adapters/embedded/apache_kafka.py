"""Apache Kafka on this machine's Java, as a child process that listens on 127.0.0.1."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

from platformdirs import user_cache_path

from adapters.embedded.processes import (
    ChildProcess,
    EmbeddedPartUnavailable,
    ServerFailed,
    free_port,
    in_a_thread,
)

_POM = Path(__file__).with_name("pom.xml")
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


class ApacheKafka:
    """One KRaft node with all its data in one folder, which is made when it is missing.

    It can be stopped or killed and started again on the same port and data. It dies with the thread that
    started it. The jars are fetched by Maven once and kept in a cache folder (`CHECKOUT_CACHE_DIR` moves it).
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self._controller_port = free_port()
        self._process: ChildProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    async def start(self) -> None:
        """Returns once the node takes requests. Raises EmbeddedPartUnavailable where Java is missing or the jars
        can be had from neither cache nor Maven, ServerFailed where it does not start."""
        java = _java()
        jars = await in_a_thread(jars_folder)
        properties, logging = self.folder / "server.properties", self.folder / "log4j2.properties"
        if not properties.exists():
            await in_a_thread(lambda: self._format(java, jars, properties, logging))
        self._process = ChildProcess(
            "Apache Kafka",
            [*_java_command(java, jars, logging), "kafka.Kafka", str(properties)],
            self.folder / "kafka.log",
        )
        process = self._process
        process.start()
        try:
            await process.wait_until(lambda: _STARTED in process.output(), limit=60)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Stops the node; its data are kept. Does nothing where it does not run."""
        if self._process is not None:
            await self._process.stop()

    async def kill(self) -> None:
        """Ends the node as a crash would."""
        await self._started().kill()

    async def __aenter__(self) -> ApacheKafka:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _started(self) -> ChildProcess:
        if self._process is None:
            raise ServerFailed("Apache Kafka was never started")
        return self._process

    def _format(self, java: str, jars: Path, properties: Path, logging: Path) -> None:
        """Writes the settings and an empty store; the settings get their name last, as the mark that all is done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        logging.write_text(_LOGGING)
        draft = properties.with_suffix(".draft")
        draft.write_text(
            _SETTINGS.format(port=self.port, controller_port=self._controller_port, folder=self.folder)
        )
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A cluster id must not look like an option.
        arguments = ["format", f"--cluster-id={cluster}", "--ignore-formatted", "--config", str(draft)]
        _run(
            "Apache Kafka's storage tool",
            [*_java_command(java, jars, logging), "kafka.tools.StorageTool", *arguments],
        )
        draft.rename(properties)


def kafka_version() -> str:
    """The version that the pom.xml beside this module names."""
    namespace = {"pom": "http://maven.apache.org/POM/4.0.0"}
    pom = ElementTree.parse(_POM)  # noqa: S314  our own file
    version = pom.getroot().findtext(".//pom:dependency/pom:version", namespaces=namespace)
    return version or "unknown"


def jars_folder() -> Path:
    """The folder with Apache Kafka's jars, fetched by Maven where the cache has none. Blocks while it fetches.

    Raises EmbeddedPartUnavailable where they can be had from neither.
    """
    root = os.environ.get("CHECKOUT_CACHE_DIR")
    cache = Path(root) if root else user_cache_path("partner-checkout")
    # The pom's digest too: a change of any jar's version makes a folder of its own.
    digest = hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]
    jars = cache / f"apache-kafka-{kafka_version()}-{digest}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise EmbeddedPartUnavailable(
            "Maven (mvn) is needed once, to fetch Apache Kafka's jars, and is not on the PATH"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as name:
        fetched = Path(name) / "jars"
        command = [
            maven,
            "-q",
            "-B",
            "-f",
            str(_POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={fetched}",
        ]
        try:
            _run("Maven", [*command, "-DincludeScope=runtime"], working_folder=Path(name))
        except ServerFailed as error:
            raise EmbeddedPartUnavailable(f"Apache Kafka's jars could not be fetched: {error}") from error
        try:
            fetched.rename(jars)  # all or nothing, also for another process that fetches at the same time
        except OSError:
            if not jars.is_dir():
                raise
    return jars


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise EmbeddedPartUnavailable(
            "Apache Kafka needs Java 17 or newer, and there is no `java` on the PATH"
        )
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


def _run(name: str, command: list[str], working_folder: Path | None = None) -> None:
    result = subprocess.run(  # noqa: S603  our own words and paths
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=working_folder,
        stdin=subprocess.DEVNULL,
    )
    if result.returncode != 0:
        output = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise ServerFailed(f"{name} failed with exit code {result.returncode}:\n{output}")
