"""The whole service as processes, as its users run it, and a caller that knows only the contract."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

START_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class CheckoutService:
    """A service as `checkout up --json` describes it, with its process id."""

    url: str
    database_url: str
    kafka: str
    pid: int
    environment: Mapping[str, str]
    metrics: Sequence[str] = ()
    data: str = ""

    async def token(self, partner: str, *more: str) -> str:
        """A token as `checkout token` prints it."""
        return (await self.command("token", "--partner", partner, *more)).strip()

    async def command(self, *arguments: str) -> str:
        """The stdout of a `checkout` command. Raises AssertionError if it fails."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, f"checkout {arguments} ended with {process.returncode}: {errors.decode()}"
        return output.decode()

    @asynccontextmanager
    async def caller(self, partner: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client of one organisation. It keeps no cookies; each call sends its own."""
        headers = {"Authorization": f"Bearer {await self.token(partner)}"}
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, limits=limits) as client:
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            yield client


@asynccontextmanager
async def running_service(folder: Path, *options: str, **environment: str) -> AsyncIterator[CheckoutService]:
    """`checkout up` with these options and CHECKOUT_* variables, from its ready line to its stop."""
    shared = {
        "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(folder / "issuer-key.pem"),
        "CHECKOUT_LANDING_COOKIE_SECURE": "false",
        **environment,
    }
    with (folder / "up.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "up", "--json", "--port", "0", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **shared},
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_LIMIT):
            line = await process.stdout.readline()
        assert line, f"it did not start: {(folder / 'up.log').read_text()[-3000:]}"
        ready = json.loads(line)
        assert ready["ready"] is True
        named = {
            "CHECKOUT_DATABASE_URL": ready["database_url"],
            "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": ready["kafka"],
        }
        yield CheckoutService(
            ready["url"],
            ready["database_url"],
            ready["kafka"],
            process.pid,
            {**shared, **named},
            ready["metrics"],
            ready["data"],
        )
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


def order_of(*items: Mapping[str, Any], **details: Any) -> dict[str, Any]:
    """The body of an initiate."""
    return {"order": {"orderItems": list(items), "country": "GB", "currency": "GBP", **details}}


def line(offer_id: str, quantity: int = 1) -> dict[str, Any]:
    return {"offer": {"id": offer_id, "version": "v-1"}, "quantity": quantity}


def add(offer_id: str, quantity: int = 1) -> dict[str, Any]:
    return {"orderItemActionType": "add", **line(offer_id, quantity)}


def cookie(basket_id: str) -> dict[str, str]:
    """The header that carries the landing state."""
    return {"Cookie": "landing_state=" + json.dumps({"basketId": basket_id}).replace('"', "%22").replace(" ", "")}
