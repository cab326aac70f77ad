"""The jars of Apache Kafka: named by the pom.xml beside this module, fetched by Maven, kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from platformdirs import user_cache_path

from adapters.embedded.processes import EmbeddedServerUnavailable, ServerFailed, run_tool

_POM = Path(__file__).with_name("pom.xml")


def kafka_version() -> str:
    """The version that the pom.xml beside this module names."""
    pom = ElementTree.parse(_POM)
    return pom.getroot().findtext(".//dependency/version") or "unknown"


def kafka_jars_folder() -> Path:
    """The folder with Apache Kafka's jars, fetched by Maven where the cache has none. Blocks while it fetches.

    Raises EmbeddedServerUnavailable where they can be had from neither.
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
        raise EmbeddedServerUnavailable(
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
            run_tool("Maven", [*command, "-DincludeScope=runtime"], working_folder=Path(name))
        except ServerFailed as error:
            raise EmbeddedServerUnavailable(f"Apache Kafka's jars could not be fetched: {error}") from error
        try:
            fetched.rename(jars)  # all or nothing, also for another process that fetches at the same time
        except OSError:
            if not jars.is_dir():
                raise
    return jars
