"""What the demo ends with: addresses and commands of the running service. It tries each before it prints it."""

from __future__ import annotations

import asyncio
import json
import shlex
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from adapters.auth.local_issuer import issue_token
from adapters.settings import Settings
from cli.demo.journeys import first_items, initiate_body
from cli.demo.presenter import Document, Presenter
from cli.up.startup_banner import command_for

NO_SUCH_PROGRAM = 127
"""A shell's exit code where this machine has no curl."""


@dataclass(frozen=True, slots=True)
class NextSteps:
    """Everything works as it stands. `operator_token` is None where there is no console to sign in at."""

    addresses: list[str]
    token: str
    operator_token: str | None
    calls: list[str]
    commands: list[str]


def next_steps(settings: Settings, ready: Document, partner: str, basket_id: str) -> NextSteps:
    """For what `checkout up --json` said, as this partner, about a basket of theirs."""
    url, console = ready["url"], ready["console"]
    token = issue_token(settings, partner=partner, scope="partner", ttl=timedelta(hours=12))
    bearer = f"-H 'Authorization: Bearer {token}'"
    body = initiate_body({"orderItems": first_items(partner), "external_id": "EXT-CURL"})
    data = f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body, separators=(',', ':')))}"
    checkout = command_for(Path(ready["data"]))
    return NextSteps(
        addresses=[f"{url}/", f"{url}/docs", *([f"{console}/sign-in"] if console else [])],
        token=token,
        operator_token=issue_token(settings, partner=None, scope="operator", ttl=timedelta(hours=12))
        if console
        else None,
        calls=[
            f"curl -s {url}/partner/checkout/{basket_id} {bearer}",
            f"curl -s -X POST {url}/partner/checkout/initiate {bearer} {data}",
            f"curl -s -X POST {url}/partner/checkout/validate/{basket_id} {bearer}",
        ],
        commands=[
            f"{checkout} status",
            f"{checkout} find --partner {partner}",
            f"{checkout} history {basket_id}",
        ],
    )


async def try_next_steps(offered: NextSteps, stage: Presenter) -> None:
    """Calls each address and each command as it would be printed, and remembers what did not work."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=30) as client:
        for address in offered.addresses:
            status = (await client.get(address)).status_code
            stage.expect(status == httpx.codes.OK, f"{address} answers {status}")
    for call in offered.calls:
        code, output = await _shell(call)
        # Without a curl there is nothing to try.
        if code != NO_SUCH_PROGRAM:
            stage.expect(b'"id"' in output, f"a printed call answered {output[:300]!r}")
    for command in offered.commands:
        code, output = await _shell(command)
        stage.expect(code == 0, f"`{command}` ended with {code}: {output[-300:]!r}")


def print_next_steps(offered: NextSteps, partner: str, stage: Presenter) -> None:
    """Prints all of it, unwrapped where it is to be copied."""
    _offer(stage, "The service:", offered.addresses)
    _offer(stage, f"A token of {partner} for twelve hours:", [offered.token])
    if offered.operator_token is not None:
        _offer(stage, "To sign in at the console, an operator's token:", [offered.operator_token])
    _offer(stage, "Three calls:", offered.calls)
    _offer(stage, "What operators see, from another shell in this folder:", offered.commands)


def _offer(stage: Presenter, title: str, lines: list[str]) -> None:
    stage.say(f"\n{title}")
    for line in lines:
        stage.say(line)


async def _shell(command: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_shell(
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None  # noqa: S101  (it has ended)
    return process.returncode, output
