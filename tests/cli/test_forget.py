"""`checkout forget` and `checkout data-keys` as operators run them."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.container import Container
from adapters.encryption.keys import MasterKeys
from cli.commands import app
from domain.operators.erasure import BasketSelection
from tests.adapters.postgres.conftest import writers_wait
from tests.adapters.postgres.erasure_setup import GRACE, MARKER, a_basket, service
from tests.builders.stored_events import stored_basket
from tests.servers.checkout_command import CommandResult, finish, start_checkout
from tests.servers.waiting import eventually

NOWHERE = {"CHECKOUT_DATABASE_URL": "postgresql://postgres@127.0.0.1:1/none"}
WHY = ("--reason", "she asked for it", "--actor", "grace")


@dataclass
class Operating:
    """The command line on the database and the master keys of a container."""

    container: Container
    url: str

    async def begin(self, *arguments: object) -> Process:
        environment = {
            "CHECKOUT_DATABASE_URL": self.url,
            "CHECKOUT_DATA_KEY_FILE": str(self.container.settings.data_key_file),
            "COLUMNS": "250",
        }
        return await start_checkout(*arguments, environment=environment)

    async def run(self, *arguments: object, typed: str = "") -> CommandResult:
        return await finish(await self.begin(*arguments), typed)


@pytest.fixture
async def operating(database_url: str, tmp_path: Path) -> AsyncIterator[Operating]:
    async with service(database_url, tmp_path) as container:
        yield Operating(container, database_url)


async def test_a_person_is_erased_once_it_is_confirmed(operating: Operating) -> None:
    container = operating.container
    ids = {await a_basket(container, partner) for partner in ("acme", "acme", "zeta")}

    declined = await operating.run("forget", "--subject", "p-1", *WHY, typed="n\n")
    assert (declined.code, declined.out) == (1, "")
    assert "3 baskets would forget" in declined.err
    assert "2  of acme" in declined.err
    assert "Forget it for good?" in declined.err
    assert await container.audit_log.newest(None, 5) == []

    confirmed = await operating.run("forget", "--subject", "p-1", *WHY, "--json", typed="y\n")
    said = json.loads(confirmed.out)
    assert (confirmed.code, said["baskets"], said["keysDestroyed"], said["left"]) == (0, 3, 3, 0)
    assert set(said["basketIds"]) == ids
    (action,) = await container.audit_log.newest(None, 5)
    assert (action.id, action.operator.actor, action.operator.reason) == (said["actionId"], *WHY[3::-2])
    assert {str((await stored_basket(container.event_store, id)).details.tracking) for id in ids} == {"{}"}

    again = await operating.run("forget", "--subject", "p-1", *WHY, "--yes")
    assert (again.code, again.err) == (1, "checkout: no basket holds data of this person\n")


async def test_the_printed_result_repeats_the_erasure_after_a_restore(operating: Operating, tmp_path: Path) -> None:
    ids = [await a_basket(operating.container, subject=subject) for subject in ("p-1", "p-2", "p-3")]
    kept = tmp_path / "forgotten.jsonl"
    kept.write_text("".join(json.dumps({"basketIds": [id], "left": 0}) + "\n" for id in ids[:2]))
    await operating.container.erasure.erase(BasketSelection(basket_ids=(ids[0],)), GRACE)

    ended = await operating.run("forget", "--again", kept, *WHY, "--yes")

    assert ended.code == 0
    assert "1 basket told to forget" in ended.out
    assert "1 basket had forgotten already." in ended.out
    said = [(await stored_basket(operating.container.event_store, id)).details.tracking for id in ids]
    assert said == [{}, {}, {"who": MARKER}]


async def test_baskets_with_unencrypted_events_are_named(operating: Operating, tmp_path: Path) -> None:
    async with service(operating.url, tmp_path, sealing=False) as old:
        id = await a_basket(old)
    ended = await operating.run("forget", "--basket", id, *WHY, "--yes")
    assert ended.code == 0
    assert "1 basket told to forget, 0 keys destroyed" in ended.out
    assert id in ended.out
    assert "before personal data was sealed" in ended.out
    assert MARKER not in ended.out + ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--subject", "p-1", "--basket", "basket-1"),
        ("--basket", "basket-1", "--partner", "acme"),
        ("--subject", "p-1", "--reason", " "),
    ],
    ids=["nobody", "two ways", "an organisation of a basket", "no reason"],
)
def test_a_wrong_command_line_is_rejected_before_anything_is_read(arguments: tuple[str, ...]) -> None:
    given = arguments if "--reason" in arguments else (*WHY, *arguments)
    assert CliRunner(env=NOWHERE).invoke(app, ["forget", *given]).exit_code == 2


def test_a_file_that_no_run_printed_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    for text in ("", "basket-1\n", '{"baskets": 3}\n'):
        file.write_text(text)
        ended = CliRunner(env=NOWHERE).invoke(app, ["forget", "--again", str(file), *WHY])
        assert ended.exit_code == 2


async def test_master_keys_are_replaced_while_everything_stays_readable(operating: Operating) -> None:
    container, file = operating.container, operating.container.settings.data_key_file
    assert file is not None
    id = await a_basket(container)
    old = file.read_text()
    commands = CliRunner(env={"CHECKOUT_DATA_KEY_FILE": str(file)})

    assert commands.invoke(app, ["data-keys", "new", "--if-missing"]).output == ""
    assert commands.invoke(app, ["data-keys", "new"]).exit_code == 0
    new, _, still_there = file.read_text().partition("\n")
    assert still_there == old
    ended = await operating.run("data-keys", "rewrap", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"rewrapped": 1, "complete": True})

    file.write_text(new)
    async with service(operating.url, file.parent) as later:
        assert (await stored_basket(later.event_store, id)).details.tracking == {"who": MARKER}
        assert (await later.erasure.erase(BasketSelection(basket_ids=(id,)), GRACE)).keys_destroyed == 1


def test_a_missing_master_key_is_created(tmp_path: Path) -> None:
    file = tmp_path / "data-key"
    commands = CliRunner(env={"CHECKOUT_DATA_KEY_FILE": str(file)})
    assert commands.invoke(app, ["data-keys", "new", "--if-missing"]).exit_code == 0
    assert MasterKeys.read(file).first
    file.write_text("nothing")
    assert commands.invoke(app, ["data-keys", "new"]).exit_code == 1
    assert file.read_text() == "nothing"


async def test_an_interrupted_command_stops_between_baskets_and_can_be_repeated(
    operating: Operating,
) -> None:
    container = operating.container
    for _ in range(3):
        await asyncio.gather(*(a_basket(container) for _ in range(100)))
    # Another append takes so long that the first hundred baskets have to wait.
    async with container.database.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7208041002)")
        process = await operating.begin("forget", "--subject", "p-1", *WHY, "--yes", "--json")
        assert process.stderr is not None
        while b"would forget" not in await process.stderr.readline():
            pass
        await _waits(container)
        process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    first = json.loads(out)
    assert (process.returncode, len(first["basketIds"]), first["left"]) == (130, 100, 200)

    second = json.loads((await operating.run("forget", "--subject", "p-1", *WHY, "--yes", "--json")).out)
    assert (len(second["basketIds"]), second["left"]) == (200, 0)


async def _waits(container: Container) -> None:
    """Until a connection waits for the lock on appends."""

    async def waits() -> bool:
        async with container.database.connection() as connection:
            return await writers_wait(connection, 1)

    await eventually(waits, limit=20)
