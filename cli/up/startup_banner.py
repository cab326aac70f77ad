"""How `checkout up` says that everything is ready."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

from adapters.service_file import RunningService
from adapters.settings import Settings
from cli.output import Output, echo_json

_NO_CONSOLE = "not served; pip install 'partner-checkout[console]' brings what it needs"


def print_startup_banner(
    service: RunningService,
    folder: Path,
    settings: Settings,
    *,
    metrics: Sequence[str],
    console: bool,
    logs: Path,
    as_json: bool,
) -> None:
    """One JSON line on stdout, or lines for people, and how commands find the service. Programs get the database's
    URL as it is; people get it without a password, since what they see ends up in screenshots."""
    url = service.url
    database = settings.database_url.get_secret_value() if settings.database_url else ""
    kafka = settings.kafka_bootstrap_servers or ""
    if as_json:
        ready = {
            "ready": True,
            "url": url,
            "console": f"{url}/console" if console else None,
            "metrics": list(metrics),
            "database_url": database,
            "kafka": kafka,
            "issuer": settings.jwt_issuer,
            "audience": settings.jwt_audience,
            "data": str(folder),
            "environment": dict(service.settings),
            "data_key_file": str(settings.data_key_file) if settings.data_key_file else None,
        }
        echo_json(ready)
        return
    out = Output()
    out.say("ready", style="bold green")
    for name, value in (
        ("API", url),
        ("its pages", f"{url}/docs"),
        ("console", f"{url}/console" if console else _NO_CONSOLE),
        ("operator API", f"{url}/operations/docs"),
        ("PostgreSQL", _without_password(database)),
        ("Kafka", kafka),
        ("metrics", " ".join(metrics)),
        ("logs", str(logs)),
        ("stop", "Ctrl-C"),
    ):
        out.say((f"  {name:<14}", "dim"), value)
    out.say("In another shell:")
    for words in ("status", "token --partner acme", "token --scope operator"):
        out.say(f"  {command_for(folder)} {words}")


def command_for(folder: Path) -> str:
    """The command that reaches the service of this folder, from where this process works: the program as it can be
    called there, and the folder unless it is found by itself."""
    called = _called()
    if folder == Path(".checkout").resolve():
        return called
    return f"{called} --data {shlex.quote(_from_here(folder))}"


def _called() -> str:
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{shlex.quote(_from_here(Path(sys.executable)))} -m cli"
    if which("checkout") == str(program.absolute()):
        return "checkout"
    return shlex.quote(_from_here(program))


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.absolute().relative_to(here)) if path.absolute().is_relative_to(here) else str(path)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()
