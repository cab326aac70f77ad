"""Runs `checkout verify`, and makes databases with inconsistencies."""

from __future__ import annotations

import json
from asyncio.subprocess import Process
from typing import Any

from pydantic import SecretStr

from adapters.container import open_operator_container
from adapters.settings import Settings
from cli.signals import stop_signal
from cli.verify.outcome import VerifyOptions
from cli.verify.run import ProgressCallback, run_verification
from cli.verify.screen import document
from tests.builders.shop import Shop
from tests.servers.checkout_command import CommandResult, environment_of, finish, start_checkout


async def begin_verify(shop: Shop, *arguments: object, settings: Settings | None = None) -> Process:
    """`checkout verify` on the shop's database; without settings there is no Kafka."""
    given = settings or Settings(_env_file=None, kafka_bootstrap_servers=None)
    of_shop = given.model_copy(update={"database_url": SecretStr(shop.url)})
    return await start_checkout("verify", *arguments, environment=environment_of(of_shop))


async def run_verify(shop: Shop, *arguments: object, settings: Settings | None = None) -> CommandResult:
    return await finish(await begin_verify(shop, *arguments, settings=settings))


async def ask(shop: Shop, *arguments: object, settings: Settings | None = None) -> tuple[int | None, dict[str, Any]]:
    """The exit code and the JSON output."""
    ended = await run_verify(shop, *arguments, "--json", settings=settings)
    assert ended.out, ended.err
    return ended.code, json.loads(ended.out)


async def look(shop: Shop, told: ProgressCallback = lambda *_: None, **asked: Any) -> dict[str, Any]:
    """What a process would say, found out in this one; all baskets unless some are asked for."""
    settings = Settings(_env_file=None, kafka_bootstrap_servers=None, database_url=SecretStr(shop.url))
    given = {"kafka": False, "processes": 1, "patience": 0.0, **asked}
    async with open_operator_container(settings) as container, stop_signal() as stop:
        return document(await run_verification(VerifyOptions(**given), told, container, stop))


def kinds(said: dict[str, Any]) -> dict[str, list[str]]:
    """The kinds of inconsistencies, by subject."""
    found: dict[str, list[str]] = {}
    for each in said["differences"]:
        found.setdefault(each["subject"], []).append(each["kind"])
    return {subject: sorted(of) for subject, of in found.items()}


class Saboteur:
    """Writes past all rules, as a fault, a partial restore or a manual change would."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def run(self, statement: str, *values: object) -> None:
        async with self._shop.database.connection() as connection:
            await connection.execute(statement, *values)

    async def on_events(self, statement: str, *values: object) -> None:
        """The same on the events, which refuse changes."""
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
