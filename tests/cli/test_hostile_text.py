"""What partners, gateways and operators write anywhere is shown by every command, and never obeyed by a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from domain.operators.status.model import ServiceProcess, WorkerReport
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from tests.builders import availability, caller, initiate, item, offer, policy, price
from tests.builders.shop import Shop, open_shop
from tests.cli.catalogue.test_fact_file import written
from tests.cli.in_process import run_in_process
from tests.domain.shared.test_printable import misleads
from tests.servers.checkout_command import CommandResult, run_command

EVIL = "a\x9b2J\u202eb\u2066c\u200b\u061cd\u2028"
"""As it passes for an identifier."""
WORSE = f"\x1b[2J\x1b]0;root\x07{EVIL}\r\n\x85\x7f\u200f\ufeff\U000e0041"
OWN_STYLES = re.compile(r"\x1b\[[0-9;]*m")


class HostileShop:
    """A shop in which whoever can write something wrote what would turn a terminal around."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.basket = ""

    async def fill(self) -> HostileShop:
        shop = self.shop
        offered = f"o{EVIL}"
        await shop.record(
            offer(offered, name=EVIL, path=f"/{EVIL}", products=[f"SKU{EVIL}"]),
            price(offered),
            availability(f"SKU{EVIL}", status="blocked", reason=EVIL),
        )
        other = f"p{EVIL}"
        await shop.record(offer(other, products=[f"SKU2{EVIL}"]), price(other))
        who = caller(EVIL, actor=WORSE, correlation_id=EVIL, causation_id=EVIL)
        said = initiate(
            item(offered),
            external_id=EVIL,
            source=EVIL,
            order_type=EVIL,
            tracking={WORSE: WORSE},
            custom_fields={WORSE: [WORSE]},
        )
        basket = (await shop.handlers.initiate(said, who)).basket
        self.basket = basket.id
        await shop.fill(item(other), partner=EVIL)
        await shop.project(basket.id)
        await shop.judge(basket)
        letter = DeadLetter(
            MessageSource("checkout.commands.v1", 0, 1),
            key=WORSE.encode(),
            value=json.dumps({WORSE: WORSE}, ensure_ascii=False).encode(),
            headers=[(WORSE, WORSE.encode())],
            code="unreadable",
            error=WORSE,
        )
        plain = DeadLetter(MessageSource("checkout.commands.v1", 0, 2), None, WORSE.encode(), [], "unreadable", WORSE)
        await PostgresDeadLetters(shop.database).record([letter, plain])
        process = ServiceProcess("00000000-0000-7000-8000-000000000001", EVIL, 1, EVIL)
        failing = WorkerReport(
            "publisher", "failing", role=f"publisher/{EVIL}", last_error=WORSE, last_error_seconds=1.0
        )
        await PostgresWorkerStatusStore(shop.database).report(process, [failing])
        async with shop.database.connection() as connection:
            await connection.execute("UPDATE basket_views SET status = 'expired'")
        return self

    def commands(self, folder: Path) -> list[list[object]]:
        """Commands that show all of it."""
        # A file may not hold such text any more. A policy touches the baskets that do.
        facts = written(folder, policy(partner=None, maximum_total=({"amount": "0.01", "currency": "GBP"},)))
        return [
            ["history", self.basket],
            ["show", self.basket],
            ["diff", self.basket, 1],
            ["find", "--partner", EVIL],
            ["validate", self.basket],
            ["validate", self.basket, "--explain"],
            ["validate", "--what-if", facts],
            ["dead-letters", "list"],
            ["dead-letters", "show", 1],
            ["dead-letters", "show", 2],
            ["status", "--all"],
            ["verify", "--no-kafka"],
        ]


@pytest.fixture
async def hostile(database_url: str) -> AsyncIterator[HostileShop]:
    async with open_shop(database_url) as shop:
        yield await HostileShop(shop).fill()


async def ended_of(shop: Shop, *arguments: object) -> CommandResult:
    """The result of a command; one that listens to signals needs a process of its own."""
    if "--what-if" not in arguments and "verify" not in arguments:
        return await run_in_process(shop, *arguments)
    return await run_command(*arguments, environment=shop.environment)


def unsafe(text: str) -> list[str]:
    return [character for character in text.replace("\n", "").replace("\t", "") if misleads(character)]


async def test_no_command_writes_a_raw_control_or_format_character_into_a_pipe(
    hostile: HostileShop, tmp_path: Path
) -> None:
    for arguments in hostile.commands(tmp_path):
        for as_json in ([], ["--json"]):
            ended = await ended_of(hostile.shop, *arguments, *as_json)
            assert unsafe(ended.out + ended.err) == [], arguments
            if as_json:
                assert [json.loads(line) for line in ended.out.splitlines()]
            # These two tell nothing that others wrote.
            if arguments[0] not in ("diff", "verify"):
                assert "\\x9b" in ended.out or "\\u009b" in ended.out, arguments


async def test_errors_that_quote_text_by_others_are_escaped(hostile: HostileShop, tmp_path: Path) -> None:
    wrong = tmp_path / f"{EVIL[:6]}.jsonl"
    wrong.write_text(f'{{"kind": "{EVIL}"}}\n{EVIL}\n', encoding="utf-8")
    for arguments in (
        ["history", f"basket-{WORSE}"],
        ["find", "--finding", EVIL],
        ["validate", "--what-if", wrong],
        ["catalogue", "load", wrong],
        ["dead-letters", "skip", 999, "--reason", EVIL, "--actor", EVIL],
        ["rebuild", "basket-views", "--abandon", "--reason", EVIL, "--actor", EVIL],
    ):
        ended = await run_in_process(hostile.shop, *arguments)
        assert ended.code != 0
        assert ended.err
        assert unsafe(ended.out + ended.err) == [], arguments


async def on_a_terminal(shop: Shop, *arguments: object) -> str:
    """What such a process writes on a terminal of 80 columns, without the styles that are ours."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *map(str, arguments)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={
            **os.environ,
            "CHECKOUT_DATABASE_URL": shop.url,
            "COLUMNS": "80",
            "TERM": "xterm-256color",
            "PYTHONIOENCODING": "utf-8",
        },
    )
    os.close(theirs)

    def read() -> bytes:
        written = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # the other end is closed
                return written
            if not some:
                return written
            written += some

    text = (await asyncio.to_thread(read)).decode()
    await process.wait()
    os.close(ours)
    # A terminal's own line ends.
    return OWN_STYLES.sub("", text).replace("\r\n", "\n")


@pytest.mark.parametrize("number", [1, 3, 5, 8])
async def test_no_command_writes_a_raw_control_or_format_character_onto_a_terminal(
    hostile: HostileShop, tmp_path: Path, number: int
) -> None:
    arguments = hostile.commands(tmp_path)[number]
    text = await on_a_terminal(hostile.shop, *arguments)
    assert unsafe(text) == []
    assert "\\x9b" in text
