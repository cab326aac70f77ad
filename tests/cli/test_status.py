"""`checkout status` on worker processes of their own, which are killed and stopped."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from adapters.embedded.processes import free_port
from adapters.postgres.pool import DatabasePool
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from adapters.settings import Settings
from domain.operators.status.model import RoleHolder, ServiceStatus, WorkerStatus
from domain.operators.status.service_status import HealthPolicy, StatusService
from tests.basket_traffic import BasketTraffic
from tests.servers.postgres import Databases
from tests.servers.processes import Program
from tests.servers.waiting import eventually
from tests.workers.worker_processes import event_store


@pytest.fixture
async def statuses(database_url: str) -> AsyncIterator[StatusService]:
    database = DatabasePool(database_url)
    yield StatusService(PostgresWorkerStatusStore(database), HealthPolicy(("publisher",)))
    await database.close()


@pytest.fixture
async def partner(database_url: str) -> AsyncIterator[BasketTraffic]:
    async with event_store(database_url) as store:
        yield await BasketTraffic(store).knows_a_catalogue()


def environment(settings: Settings) -> dict[str, str | None]:
    assert settings.database_url is not None
    return {
        "CHECKOUT_DATABASE_URL": settings.database_url.get_secret_value(),
        "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "CHECKOUT_KAFKA_DELIVERY": settings.kafka_delivery,
        "CHECKOUT_KAFKA_FETCH_MAX_WAIT_MS": "20",
        "CHECKOUT_PUBLISHER_ID": settings.publisher_id,
        # Nobody reads it, and a full pipe would stop the process.
        "CHECKOUT_LOG_LEVEL": "ERROR",
    }


def publisher(settings: Settings) -> Program:
    return Program(
        *("-m", "cli", "work", "publisher", "--health-port", str(free_port())),
        environment=environment(settings),
    )


async def asked(settings: Mapping[str, str | None], *arguments: str) -> tuple[int, str]:
    """The exit code of `checkout status` and its only line."""
    async with Program("-m", "cli", "status", *arguments, environment=settings) as program:
        line = await program.line()
        return await program.end(), line


def of(status: ServiceStatus, program: Program) -> WorkerStatus | None:
    return next((each for each in status.workers if each.pid == program.pid), None)


async def in_state(statuses: StatusService, program: Program, state: str, limit: float = 30.0) -> ServiceStatus:
    async def status() -> ServiceStatus | None:
        now = await statuses.now()
        worker = of(now, program)
        return now if worker is not None and worker.state == state else None

    found = await eventually(status, limit=limit, every=0.1)
    assert found is not None
    return found


async def published_all(statuses: StatusService) -> ServiceStatus:
    async def status() -> ServiceStatus | None:
        now = await statuses.now()
        return now if now.lags and now.lags[0].worker == "publisher" and now.lags[0].events == 0 else None

    found = await eventually(status, limit=30, every=0.1)
    assert found is not None
    return found


async def test_a_killed_publisher_is_dead_even_with_zero_lag_and_its_role_moves(
    settings: Settings, statuses: StatusService, partner: BasketTraffic
) -> None:
    async with publisher(settings) as first:
        await in_state(statuses, first, "working")
        async with publisher(settings) as second:
            both = await in_state(statuses, second, "standing-by")
            assert holder(both).pid == first.pid
            assert holder(both).standing_by == 1
            await partner.fills_baskets(3)
            assert (await published_all(statuses)).well

            await first.kill()
            moved = await eventually(lambda: holds(statuses, settings, second), limit=30, every=0.1)
            assert moved
            dead = await in_state(statuses, first, "dead")
            lost = of(dead, first)
            assert lost is not None
            assert not lost.live
            assert lost.lag_events in (None, 0)
            assert (await published_all(statuses)).lags[0].seconds == 0.0

            code, line = await asked(environment(settings), "--json")
            assert code == 1
            document: dict[str, Any] = json.loads(line)
            assert any("is dead" in problem for problem in document["problems"])
            assert [each["state"] for each in document["workers"] if each["pid"] == first.pid] == ["dead"]
            assert [each["pid"] for each in document["roles"]] == [second.pid]


def holder(status: ServiceStatus) -> RoleHolder:
    (role,) = status.roles
    return role


async def holds(statuses: StatusService, settings: Settings, program: Program) -> bool:
    role = holder(await statuses.now())
    return role.role == f"publisher/{settings.publisher_id}" and role.pid == program.pid and bool(role.live)


async def test_the_lag_grows_while_the_publisher_is_stopped_and_shrinks_after(
    settings: Settings, statuses: StatusService, partner: BasketTraffic
) -> None:
    async with publisher(settings) as first:
        await in_state(statuses, first, "working")
        await partner.fills_baskets(1)
        await published_all(statuses)
        assert await first.stop(signal.SIGTERM) == 0
        stopped = await in_state(statuses, first, "stopped", limit=5)
        (problem,) = stopped.problems
        assert problem.startswith("publisher: no process does this work; the last one ended")

    await partner.fills_baskets(2)
    waiting = (await statuses.now()).lags[0]
    assert waiting.events == 18
    assert waiting.seconds is not None
    assert waiting.seconds > 0
    await partner.fills_baskets(1)
    later = (await statuses.now()).lags[0]
    assert later.events == 27
    assert later.seconds is not None
    assert later.seconds > waiting.seconds
    for limits, arguments in (
        ({"CHECKOUT_STATUS_BEHIND_EVENTS": "26"}, ()),
        ({"CHECKOUT_STATUS_BEHIND_SECONDS": "0.001"}, ()),
        ({}, ("--max-lag-seconds", "0")),
    ):
        code, line = await asked({**environment(settings), **limits}, "--json", *arguments)
        said = json.loads(line)
        role = f"publisher/{settings.publisher_id}"
        (behind,) = [each for each in said["problems"] if each.startswith(f"{role} is behind")]
        assert behind.startswith(f"{role} is behind: 27 wait, the oldest since ")
        assert behind.endswith("nothing of it is being done")
        assert (code, said["lags"][0]["behind"], said["lags"][0]["trend"]) == (1, True, "standing-still")

    async with publisher(settings) as second:
        after = await published_all(statuses)
        assert after.lags[0].seconds == 0.0
        working = of(after, second)
        assert working is not None
        assert working.state == "working"


async def test_the_exit_code_is_2_while_postgresql_is_down(databases: Databases) -> None:
    nowhere = {"CHECKOUT_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}
    assert await asked(nowhere, "--json") == (2, "")
    empty = await databases.empty()
    assert await asked({"CHECKOUT_DATABASE_URL": empty}, "--json") == (2, "")
    await databases.drop(empty)


async def test_watching_goes_on_until_it_is_interrupted(database_url: str) -> None:
    watching = Program(
        *("-m", "cli", "status", "--watch", "--json", "--every", "0.1"),
        environment={"CHECKOUT_DATABASE_URL": database_url},
    )
    async with watching as program:
        looks = [json.loads(await program.line()) for _ in range(3)]
        assert await program.stop(signal.SIGINT) == 0
    assert [look["well"] for look in looks] == [False] * 3
    assert [each["state"] for each in looks[0]["workers"]] == ["absent"] * 7
    assert sorted(look["at"] for look in looks) == [look["at"] for look in looks]
