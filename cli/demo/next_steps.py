"""What the demo ends with: addresses and commands of the running service, tried before they are printed."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from adapters.auth.local_issuer import issue_token
from adapters.settings import Settings
from cli.demo.journeys import first_items, initiate_body
from cli.demo.presenter import Document, Presenter
from cli.up.startup_banner import command_for, relative_path

EXAMPLES = Path(__file__).parents[2] / "clients" / "python" / "examples"
ORDER_SERVICE = ("print_events.py", "basket_cache.py")
ORDER_SERVICE_LIMIT = 30.0
"""Seconds until an example must have shown a basket: the embedded broker takes some to give out partitions."""

COMMAND_NOT_FOUND = 127
"""A shell's exit code where this machine has no curl."""


@dataclass(frozen=True, slots=True)
class NextSteps:
    """`operator_token` is None where there is no console to sign in at."""

    addresses: list[str]
    token: str
    operator_token: str | None
    calls: list[str]
    commands: list[str]
    order_service: list[str]
    """The first one names the servers for the others."""


def next_steps(settings: Settings, ready: Document, partner: str, basket_id: str) -> NextSteps:
    """`ready` is the line of `checkout up --json`; the basket is one of the partner's."""
    url, console = ready["url"], ready["console"]
    ttl = timedelta(hours=12)
    token = issue_token(settings, partner=partner, scope="partner", ttl=ttl)
    operator_token = issue_token(settings, partner=None, scope="operator", ttl=ttl) if console else None
    bearer = f"-H 'Authorization: Bearer {token}'"
    body = initiate_body({"orderItems": first_items(partner), "external_id": "EXT-CURL"})
    data = f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body, separators=(',', ':')))}"
    checkout = command_for(Path(ready["data"]))
    python = shlex.quote(relative_path(Path(sys.executable)))
    return NextSteps(
        addresses=[f"{url}/", f"{url}/docs", *([f"{console}/sign-in"] if console else [])],
        token=token,
        operator_token=operator_token,
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
        order_service=[
            f"eval $({checkout} env)",
            *(f"{python} {shlex.quote(relative_path(path))}" for path in order_service_examples()),
        ],
    )


def order_service_examples() -> list[Path]:
    """The client kit's examples that show something at once. None where the kit is not installed with the service."""
    return [path for name in ORDER_SERVICE if (path := EXAMPLES / name).is_file()]


async def try_next_steps(steps: NextSteps, presenter: Presenter) -> None:
    """Opens each address and runs each command as it would be printed. Expects all of them to work."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=30) as client:
        for address in steps.addresses:
            status = (await client.get(address)).status_code
            presenter.expect(status == httpx.codes.OK, f"{address} responds with {status}")
    for call in steps.calls:
        code, output = await _run_in_shell(call)
        # Without curl there is nothing to try.
        if code != COMMAND_NOT_FOUND:
            presenter.expect(b'"id"' in output, f"a printed call responds with {output[:300]!r}")
    for command in steps.commands:
        code, output = await _run_in_shell(command)
        presenter.expect(code == 0, f"`{command}` ended with {code}: {output[-300:]!r}")
    servers, *examples = steps.order_service
    code, output = await _run_in_shell(f'{servers}; test -n "$CHECKOUT_URL"')
    presenter.expect(code == 0, f"`{servers}` names no address: {output[-300:]!r}")
    for example in examples:
        shown = await _shows(f"{servers}; exec {example}", b"basket-")
        presenter.expect(shown, f"`{example}` shows no basket within {ORDER_SERVICE_LIMIT:g} s")


def print_next_steps(steps: NextSteps, partner: str, presenter: Presenter) -> None:
    """Prints each step in a line of its own, so that it can be copied."""
    operator_token = [steps.operator_token] if steps.operator_token is not None else []
    for title, lines in (
        ("The service:", steps.addresses),
        (f"A token of {partner} for twelve hours:", [steps.token]),
        ("To sign in at the console, an operator's token:", operator_token),
        ("Three calls:", steps.calls),
        ("What operators see, from another shell in this folder:", steps.commands),
        ("What order services see, there too (more: docs/events/README.md):", steps.order_service),
    ):
        if lines:
            presenter.say("\n".join(["", title, *lines]))


async def _run_in_shell(command: str) -> tuple[int, bytes]:
    """The exit code, and what the command printed."""
    process = await asyncio.create_subprocess_shell(
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None  # noqa: S101  (it has ended)
    return process.returncode, output


async def _shows(command: str, expected: bytes) -> bool:
    """Whether the command prints this in time. It is stopped then, because it may go on for ever."""
    process = await asyncio.create_subprocess_shell(command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None  # noqa: S101  (it is a pipe)
    try:
        async with asyncio.timeout(ORDER_SERVICE_LIMIT):
            while line := await process.stdout.readline():
                if expected in line:
                    return True
        return False
    except TimeoutError:
        return False
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
