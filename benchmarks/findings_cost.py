"""Measures what `?include=findings` costs: processor time of the API for a call with it and the same call without it.

python -m benchmarks.findings_cost                        on an embedded PostgreSQL
python -m benchmarks.findings_cost --database-url URL     on a server where it may create databases

The application runs in this process and is called without a client or a network, so that nothing but its own work and
its database driver's counts. Log lines go to stderr: send them away by 2>/dev/null. The calls with and without findings
alternate, on baskets of the same content.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import process_time
from typing import Any
from urllib.parse import quote

import uvloop
from rich.console import Console
from rich.table import Table
from starlette.types import ASGIApp, Message

from adapters.auth.local_issuer import issue_token
from adapters.container import open_partner_container
from adapters.logs import configure_logging
from adapters.settings import Settings
from adapters.system import relax_garbage_collection
from api.partner.app import PartnerApi
from benchmarks.append_rate import fresh_database
from cli.serve import partner_dependencies
from domain.catalogue.facts import Fact
from tests.builders import availability, offer, price
from tests.contracts.catalogue import sourced

LINES = (3, 50)
PARTNER = "shop"
WITH_FINDINGS = b"include=findings"
BATCH = 25
"""Calls of one kind in a row; then those of the other kind follow."""

_numbers = itertools.count(1)


@dataclass
class CallTimes:
    """Processor seconds of a call, by batch."""

    without: list[float] = field(default_factory=list)
    included: list[float] = field(default_factory=list)

    @property
    def medians(self) -> tuple[float, float]:
        """In microseconds."""
        return statistics.median(self.without) * 1e6, statistics.median(self.included) * 1e6


class DirectCaller:
    """Calls the application as its server would."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._authorization = (b"authorization", f"Bearer {token}".encode())

    async def call(
        self,
        method: str,
        path: str,
        query: bytes,
        body: bytes = b"",
        basket_id: str | None = None,
        key: str | None = None,
    ) -> bytes:
        """The body of the answer. `key` is an Idempotency-Key."""
        headers = [self._authorization, (b"content-length", str(len(body)).encode())]
        if key is not None:
            headers.append((b"idempotency-key", key.encode()))
        if basket_id is not None:
            headers.append((b"cookie", b"landing_state=" + quote(json.dumps({"basketId": basket_id})).encode()))
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "scheme": "http",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent)
        if sent[0]["status"] != 200:
            raise AssertionError(answer)
        return answer


def facts(lines: int, wrong: int) -> list[Fact]:
    """Plain offers for a basket; the last `wrong` of them cannot be had in the quantity that it wants."""
    made: list[Fact] = []
    for number in range(lines):
        rule = {"max": 1} if number >= lines - wrong else None
        made += [
            offer(f"{wrong}-{number}", products=[f"SKU-{wrong}-{number}"], quantity=rule),
            price(f"{wrong}-{number}"),
            availability(f"SKU-{wrong}-{number}", quantity=1000),
        ]
    return made


def initiate_body(lines: int, wrong: int) -> bytes:
    items = [{"offer": {"id": f"{wrong}-{number}", "version": "v-1"}, "quantity": 2} for number in range(lines)]
    order = {"orderItems": items, "country": "GB", "currency": "GBP", "external_id": f"order-{next(_numbers)}"}
    return json.dumps({"order": order}).encode()


async def measure(caller: DirectCaller, lines: int, wrong: int, rounds: int) -> dict[str, CallTimes]:
    times = {kind: CallTimes() for kind in ("initiate", "update", "get", "get again")}

    async def initiate(query: bytes) -> str:
        answer = await caller.call("POST", "/partner/checkout/initiate", query, initiate_body(lines, wrong))
        return str(json.loads(answer)["id"])

    for round in range(rounds + 1):
        for query, kept in ((b"", "without"), (WITH_FINDINGS, "included")):
            began = process_time()
            ids = [await initiate(query) for _ in range(BATCH)]
            spent = {"initiate": process_time() - began}
            line_ids = [await _last_line(caller, id) for id in ids]

            async def update(id: str, line_id: str, query: bytes = query) -> None:
                action = {"orderItemActionType": "change_quantity", "id": line_id, "quantity": 3}
                body = json.dumps({"orderItemActions": [action]}).encode()
                await caller.call("PUT", "/partner/checkout/update", query, body, id)

            began = process_time()
            for id, line_id in zip(ids, line_ids, strict=True):
                await update(id, line_id)
            spent["update"] = process_time() - began
            for kind in ("get", "get again"):
                began = process_time()
                for id in ids:
                    await caller.call("GET", f"/partner/checkout/{id}", query)
                spent[kind] = process_time() - began
            if round > 0:  # the first round only warms up
                for kind, seconds in spent.items():
                    getattr(times[kind], kept).append(seconds / BATCH)
    return times


async def _last_line(caller: DirectCaller, id: str) -> str:
    order = json.loads(await caller.call("GET", f"/partner/checkout/{id}", b""))["order"]
    return str(order["orderItems"][-1]["id"])


async def run(url: str, rounds: int, sizes: Sequence[int], folder: Path) -> Table:
    table = Table(title=f"processor time of a call in µs, median of {rounds} batches of {BATCH}")
    for name in ("lines", "with errors", "call", "without", "with findings", "ratio"):
        table.add_column(name, justify="right")
    settings = Settings(_env_file=None, database_url=url, local_issuer_key_file=folder / "issuer.pem")
    async with open_partner_container(settings) as container:
        token = issue_token(settings, partner=PARTNER, scope="partner", ttl=timedelta(hours=1))
        caller = DirectCaller(PartnerApi(partner_dependencies(container)), token)
        relax_garbage_collection()  # as the API does
        for lines in sizes:
            for wrong in (0, 1, lines // 2):
                await container.catalogue.record(sourced(facts(lines, wrong)))
                await asyncio.sleep(1)
                for kind, times in (await measure(caller, lines, wrong, rounds)).items():
                    without, included = times.medians
                    table.add_row(
                        str(lines), str(wrong), kind, f"{without:,.0f}", f"{included:,.0f}", f"{included / without:.2f}"
                    )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--lines", type=int, nargs="*", default=LINES)
    given = parser.parse_args()

    async def measured() -> Table:
        with tempfile.TemporaryDirectory(prefix="findings-cost-") as folder:
            async with fresh_database(given.database_url) as url:
                return await run(url, given.rounds, given.lines, Path(folder))

    configure_logging("INFO")
    table = uvloop.run(measured())
    Console().print(table)


if __name__ == "__main__":
    main()
