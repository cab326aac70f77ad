"""Processor time of calls in this process, without a client or a network, for whoever makes them cheaper.

python -m benchmarks.performance.call_costs                      all calls, in turns, beside a hello
python -m benchmarks.performance.call_costs update --profile     where the time of an update goes

`--database-url` names a server where it may create databases; else an embedded one is started. Log lines go to stderr:
send them away by 2>/dev/null.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import json
import pstats
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import process_time

import uvloop
from rich.console import Console
from rich.table import Table

from adapters.auth.local_issuer import issue_token
from adapters.container import open_partner_container
from adapters.logs import configure_logging
from adapters.system import relax_garbage_collection
from api.partner.app import PartnerApi
from benchmarks.append_rate import fresh_database
from benchmarks.findings_cost import PARTNER, DirectCaller, facts
from benchmarks.peers.hello import hello_app
from benchmarks.performance.servers import api_settings
from cli.serve import partner_dependencies
from tests.contracts.catalogue import sourced

CALLERS = 16
CALLS = 8
"""Of each caller in a turn."""
LINES = 3

Call = Callable[[], Awaitable[object]]

_numbers = itertools.count(1)


class Calls:
    """The calls that are measured, each on baskets of LINES lines. A turn's baskets are made before its time counts."""

    def __init__(self, api: DirectCaller, hello: DirectCaller) -> None:
        self._api = api
        self._hello = hello
        self.kinds: dict[str, Callable[[], Awaitable[list[Call]]]] = {
            "hello": self.hello,
            "update": self.update,
            "initiate": self.initiate,
            "get": self.get,
            "validate": self.validate,
        }

    async def hello(self) -> list[Call]:
        return [lambda: self._hello.call("GET", "/", b"")] * (CALLERS * CALLS)

    async def update(self) -> list[Call]:
        return [self._updating(await self._initiate(LINES), await self._some_line()) for _ in range(CALLERS * CALLS)]

    async def initiate(self) -> list[Call]:
        return [lambda: self._initiate(1)] * (CALLERS * CALLS)

    async def get(self) -> list[Call]:
        return [self._getting(await self._initiate(LINES)) for _ in range(CALLERS * CALLS)]

    async def validate(self) -> list[Call]:
        return [self._validating(await self._initiate(LINES)) for _ in range(CALLERS * CALLS)]

    async def _some_line(self) -> str:
        order = json.loads(await self._api.call("GET", f"/partner/checkout/{self._last_id}", b""))["order"]
        return str(order["orderItems"][-1]["id"])

    async def _initiate(self, lines: int) -> str:
        items = [{"offer": {"id": f"0-{number}", "version": "v-1"}, "quantity": 2} for number in range(lines)]
        order = {"orderItems": items, "country": "GB", "currency": "GBP", "external_id": f"order-{next(_numbers)}"}
        body = json.dumps({"order": order}).encode()
        self._last_id = str(json.loads(await self._api.call("POST", "/partner/checkout/initiate", b"", body))["id"])
        return self._last_id

    def _updating(self, id: str, line: str) -> Call:
        action = {"orderItemActionType": "change_quantity", "id": line, "quantity": 3}
        body = json.dumps({"orderItemActions": [action]}).encode()
        return lambda: self._api.call("PUT", "/partner/checkout/update", b"", body, id)

    def _getting(self, id: str) -> Call:
        return lambda: self._api.call("GET", f"/partner/checkout/{id}", b"")

    def _validating(self, id: str) -> Call:
        return lambda: self._api.call("POST", f"/partner/checkout/validate/{id}", b"")


async def run_turn(calls: list[Call], profile: cProfile.Profile | None) -> float:
    """Processor seconds of a call, with CALLERS at a time."""
    waiting = iter(calls)

    async def caller() -> None:
        for call in waiting:
            await call()

    if profile is not None:
        profile.enable()
    began = process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    spent = process_time() - began
    if profile is not None:
        profile.disable()
    return spent / len(calls)


@asynccontextmanager
async def open_api(url: str, folder: Path) -> AsyncIterator[DirectCaller]:
    """The application on a database, with keys and a catalogue that sells what the calls ask for."""
    settings = api_settings(url, folder).model_copy(update={"database_timeout": 60.0})
    async with open_partner_container(settings) as container:
        token = issue_token(settings, partner=PARTNER, scope="partner", ttl=timedelta(hours=1))
        await container.catalogue.record(sourced(facts(LINES, 0)))
        await asyncio.sleep(1)
        relax_garbage_collection()  # as the API does
        yield DirectCaller(PartnerApi(partner_dependencies(container)), token)


async def measure(url: str, folder: Path, kinds: list[str], rounds: int, profile: cProfile.Profile | None) -> Table:
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    async with open_api(url, folder) as api:
        calls = Calls(api, DirectCaller(hello_app(), ""))
        for round in range(rounds + 1):
            for kind in kinds:
                made = await calls.kinds[kind]()
                seconds = await run_turn(made, profile if kind != "hello" else None)
                if round > 0:  # the first round only warms up
                    spent[kind].append(seconds * 1e6)
    table = Table(title=f"processor time of a call in µs, {CALLERS} callers, {rounds} rounds")
    for name in ("call", "median", "least", "in hellos"):
        table.add_column(name, justify="right")
    for kind, times in spent.items():
        ratio = statistics.median(one / hello for one, hello in zip(times, spent["hello"], strict=True))
        table.add_row(kind, f"{statistics.median(times):,.0f}", f"{min(times):,.0f}", f"{ratio:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "kinds", nargs="*", metavar="CALL", help="update, initiate, get, validate; all if none is named"
    )
    parser.add_argument("--database-url")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", action="store_true", help="print the functions that take the most time")
    given = parser.parse_args()
    profile = cProfile.Profile() if given.profile else None
    kinds = ["hello", *(given.kinds or ("update", "initiate", "get", "validate"))]

    async def measured() -> Table:
        with tempfile.TemporaryDirectory(prefix="call-costs-") as folder:
            async with fresh_database(given.database_url) as url:
                return await measure(url, Path(folder), kinds, given.rounds, profile)

    configure_logging("INFO")
    Console().print(uvloop.run(measured()))
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
