"""What `checkout up` prints once everything is ready."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

from adapters.service_file import RunningService
from adapters.settings import Settings
from cli.output import Output, echo_json

_NO_CONSOLE = "not served; pip install 'partner-checkout[console]' brings what it needs"


def print_startup_banner(
    service: RunningService, folder: Path, settings: Settings, *, console: bool, logs: Path, as_json: bool
) -> None:
    """One JSON line on stdout, or lines for people.

    Programs get the database's URL whole. People get it without its password, since they share screenshots.
    """
    url = service.url
    database = settings.database_url.get_secret_value() if settings.database_url else ""
    kafka = settings.kafka_bootstrap_servers or ""
    metrics = [f"http://127.0.0.1:{service.ports[name]}/metrics" for name in ("metrics", "health")]
    if as_json:
        echo_json(
            {
                "ready": True,
                "url": url,
                "console": f"{url}/console" if console else None,
                "metrics": metrics,
                "database_url": database,
                "kafka": kafka,
                "issuer": settings.jwt_issuer,
                "audience": settings.jwt_audience,
                "data": str(folder),
                "environment": dict(service.settings),
                "data_key_file": str(settings.data_key_file) if settings.data_key_file else None,
            }
        )
        return
    out = Output()
    out.say("ready", style="bold green")
    for name, value in {
        "API": url,
        "its pages": f"{url}/docs",
        "console": f"{url}/console" if console else _NO_CONSOLE,
        "operator API": f"{url}/operations/docs",
        "PostgreSQL": _without_password(database),
        "Kafka": kafka,
        "metrics": " ".join(metrics),
        "logs": str(logs),
        "stop": "Ctrl-C",
    }.items():
        out.say((f"  {name:<14}", "dim"), value)
    out.say("In another shell:")
    for arguments in ("status", "token --partner acme", "token --scope operator"):
        out.say(f"  {command_for(folder)} {arguments}")


def command_for(folder: Path) -> str:
    """The command that reaches the service of this folder from the working folder of this process."""
    program = _program()
    if folder == Path(".checkout").resolve():
        return program
    return f"{program} --data {shlex.quote(relative_path(folder))}"


def _program() -> str:
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{shlex.quote(relative_path(Path(sys.executable)))} -m cli"
    return "checkout" if which("checkout") == str(program.absolute()) else shlex.quote(relative_path(program))


def relative_path(path: Path) -> str:
    """The path from the working folder of this process if it lies below, else the whole path."""
    here = Path.cwd()
    return str(path.absolute().relative_to(here)) if path.absolute().is_relative_to(here) else str(path)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()
