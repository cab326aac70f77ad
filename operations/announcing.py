"""How `checkout up` says that everything is ready."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from adapters.settings import Settings

_NO_CONSOLE = "not served; pip install 'partner-checkout[console]' brings what it needs"


def announce(
    settings: Settings,
    *,
    url: str,
    metrics: Sequence[str],
    console: bool,
    logs: Path,
    embedded: Mapping[str, str],
    as_json: bool,
) -> None:
    """One JSON line on stdout, or a panel and the settings by which other commands find the embedded parts.
    Programs get the database's URL as it is; people get it without a password, since a panel ends up in
    screenshots."""
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
            "data_key_file": str(settings.data_key_file) if settings.data_key_file else None,
        }
        print(json.dumps(ready), flush=True)  # noqa: T201
        return
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("API", url),
        ("its pages", f"{url}/docs"),
        ("a token", "checkout token --partner acme"),
        ("console", f"{url}/console" if console else _NO_CONSOLE),
        ("operator API", f"{url}/operations/docs"),
        ("an operator's token", "checkout token --scope operator"),
        ("PostgreSQL", _without_password(database)),
        ("Kafka", kafka),
        ("metrics", " ".join(metrics)),
        ("logs", str(logs)),
        ("stop", "Ctrl-C"),
    ):
        table.add_row(Text(name, style="dim"), Text(value))
    Console(file=sys.stdout).print(Panel(table, title="ready", title_align="left", expand=False))
    if embedded:
        # Not in the panel, and unbroken, so that they can be copied.
        print("For commands in another shell:")  # noqa: T201
        for name, value in embedded.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)  # noqa: T201


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()
