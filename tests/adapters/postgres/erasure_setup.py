"""A whole service on its own database, and a search of everything in that database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from adapters.container import Container, open_operator_container
from adapters.encryption.keys import create_master_key_file
from adapters.settings import Settings
from adapters.wire.known_members import IgnoredMembers
from adapters.wire.prefer_header import ParsedRequest
from adapters.wire.responses import render
from domain.operators.audit import Operator
from domain.ports.event_store import IdempotencyKey
from tests.builders import add, caller, initiate, item, update, validate

MARKER = "ada-lovelace"
GRACE = Operator(actor="grace", way="command-line", reason="she asked for it")

# Statements that read each table. Names cannot be parameters, so the server quotes them.
ALL_TABLES = """
SELECT tablename, format('SELECT * FROM %I.%I', schemaname, tablename) AS read
  FROM pg_tables JOIN pg_class ON oid = format('%I.%I', schemaname, tablename)::regclass AND NOT relispartition
 WHERE schemaname IN ('public', 'checkout_kept', 'checkout_rebuilt')
"""


@asynccontextmanager
async def service(url: str, folder: Path, *, sealing: bool = True, **values: Any) -> AsyncIterator[Container]:
    """The container of a process. Processes of one folder share its master key."""
    create_master_key_file(folder / "data-key")
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(url),
        data_key_file=folder / "data-key" if sealing else None,
        local_issuer_key_file=folder / "issuer.pem",
        **values,
    )
    async with open_operator_container(settings) as container:
        yield container


async def tables_holding(connection: asyncpg.Connection, marker: str = MARKER) -> set[str]:
    """The tables that hold the marker, as text or in bytes."""
    found: set[str] = set()
    for name, read in await connection.fetch(ALL_TABLES):
        for row in await connection.fetch(read):
            if any(marker.encode() in value for column in row.values() for value in _bytes(column)):
                found.add(name)
    return found


def _bytes(value: object) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case list() | tuple():
            for each in value:
                yield from _bytes(each)
        case _:
            yield str(value).encode()


async def a_basket(
    container: Container, partner: str = "acme", subject: str | None = "p-1", *, answered: bool = False
) -> str:
    """A basket with five events and personal data. `answered`: its responses are stored under keys."""
    said = {
        "tracking": {"who": MARKER},
        "custom_fields": {"deep": [{"er": MARKER}]},
        "customer_details": {"email": MARKER, MARKER: 1},
        "billing_details": {"address1": MARKER, "country": "GB"},
        "delivery_details": {"firstName": MARKER, "country": "IE"},
        "data_subject": subject,
    }

    me, handlers = caller(partner), container.handlers
    basket_key = f"key-{next(_counter)}"

    def key(route: str) -> IdempotencyKey | None:
        return IdempotencyKey(f"{partner}/{route}", basket_key, b"digest") if answered else None

    ignored = IgnoredMembers()
    ignored.add(("order", MARKER))
    render_ignored = partial(render, parsed=ParsedRequest(None, ignored=ignored))

    begun = await handlers.initiate(initiate(item("o-1", 2), **said), me, render_ignored, key("initiate"))
    id: str = json.loads(begun.body)["id"]
    updated = await handlers.update(update(id, add("o-2")), me, render_ignored, key("update"))
    validated = await handlers.validate(validate(id), me, render, key("validate"))
    assert (updated.status, validated.status) == (200, 200)
    await handlers.initiate(initiate(item("o-1", 2), checkout_id=id, source="shop", **said), me, render)
    return id


_counter = iter(range(1_000_000))


async def project(container: Container, *basket_ids: str) -> None:
    """Brings views up to date, as the projector does."""
    for basket_id in basket_ids:
        assert await container.projection.refold(basket_id) is None
