"""`checkout verify` as operators run it, and databases in which something is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

from pydantic import SecretStr

from adapters.settings import Settings
from cli.verify.execution import Told, VerifyOptions, run_verification
from cli.verify.screen import document
from tests.cli.validate.shop import Ended, Shop


async def begin_command_at(settings: Settings, *arguments: object) -> Process:
    """`checkout` with these arguments and settings, as a process of its own."""
    assert settings.database_url is not None
    environment = {
        **os.environ,
        "CHECKOUT_DATABASE_URL": settings.database_url.get_secret_value(),
        "CHECKOUT_KAFKA_DELIVERY": settings.kafka_delivery,
        "CHECKOUT_KAFKA_FETCH_MAX_WAIT_MS": "20",
        "CHECKOUT_PUBLISHER_ID": settings.publisher_id,
        "COLUMNS": "250",
    }
    environment.pop("CHECKOUT_KAFKA_BOOTSTRAP_SERVERS", None)
    if settings.kafka_bootstrap_servers is not None:
        environment["CHECKOUT_KAFKA_BOOTSTRAP_SERVERS"] = settings.kafka_bootstrap_servers
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli",
        *map(str, arguments),
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )


async def run_command_at(settings: Settings, *arguments: object) -> Ended:
    process = await begin_command_at(settings, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 90)
    return Ended(process.returncode, out.decode(), err.decode())


async def begin_verify(shop: Shop, *arguments: object, settings: Settings | None = None) -> Process:
    """`checkout verify` on the shop's database; without settings there is no Kafka."""
    given = settings or Settings(_env_file=None, kafka_bootstrap_servers=None)
    there = given.model_copy(update={"database_url": SecretStr(shop.url)})
    return await begin_command_at(there, "verify", *arguments)


async def run_verify(shop: Shop, *arguments: object, settings: Settings | None = None) -> Ended:
    process = await begin_verify(shop, *arguments, settings=settings)
    out, err = await asyncio.wait_for(process.communicate(), 90)
    return Ended(process.returncode, out.decode(), err.decode())


async def ask(
    shop: Shop, *arguments: object, settings: Settings | None = None
) -> tuple[int | None, dict[str, Any]]:
    """The answer of such a process."""
    ended = await run_verify(shop, *arguments, "--json", settings=settings)
    assert ended.out, ended.err
    return ended.code, json.loads(ended.out)


async def look(shop: Shop, told: Told = lambda *_: None, **asked: Any) -> dict[str, Any]:
    """What a process would say, found out in this one; all baskets unless some are asked for."""
    settings = Settings(_env_file=None, kafka_bootstrap_servers=None, database_url=SecretStr(shop.url))
    given = {"kafka": False, "processes": 1, "patience": 0.0, **asked}
    return document(await run_verification(VerifyOptions(**given), told, settings))


def kinds(said: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with each subject."""
    found: dict[str, list[str]] = {}
    for drift in said["differences"]:
        found.setdefault(drift["subject"], []).append(drift["kind"])
    return {subject: sorted(of) for subject, of in found.items()}


class Saboteur:
    """Writes past all rules, as a fault, a restore in parts or a hand would."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def run(self, statement: str, *values: object) -> None:
        async with self._shop.database.connection() as connection:
            await connection.execute(statement, *values)

    async def on_events(self, statement: str, *values: object) -> None:
        """The same on the events, which refuse to be changed."""
        async with self._shop.database.connection() as connection, connection.transaction():
            await connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
            await connection.execute(statement, *values)
            await connection.execute("ALTER TABLE events ENABLE TRIGGER USER")
            await connection.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_stay_as_they_are")

    async def on_facts(self, statement: str, *values: object) -> None:
        async with self._shop.database.connection() as connection, connection.transaction():
            await connection.execute("ALTER TABLE catalogue_facts DISABLE TRIGGER USER")
            await connection.execute(statement, *values)
            await connection.execute("ALTER TABLE catalogue_facts ENABLE TRIGGER USER")
