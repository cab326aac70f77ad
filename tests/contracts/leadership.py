"""The contract of every Leadership. The suite of an adapter subclasses it and provides the fixtures `leadership`
and `another`, the same roles in another process."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from domain.ports.leadership import Leadership
from tests.servers.waiting import eventually


@pytest.fixture
def role() -> str:
    return f"role-{uuid.uuid4().hex}"


class LeadershipContract:
    async def test_a_held_role_can_be_confirmed(self, leadership: Leadership, role: str) -> None:
        async with leadership.hold(role) as lease:
            await lease.confirm()
            await lease.confirm()

    async def test_a_second_holder_waits_reports_it_and_takes_over_when_the_first_ends(
        self, leadership: Leadership, another: Leadership, role: str
    ) -> None:
        held: list[str] = []
        waited: list[None] = []

        async def second() -> None:
            async with another.hold(role, lambda: waited.append(None)) as lease:
                await lease.confirm()
                held.append("second")

        async with leadership.hold(role):
            held.append("first")
            successor = asyncio.create_task(second())
            await eventually(lambda: len(waited) >= 2)
            assert held == ["first"]
        async with asyncio.timeout(10):
            await successor
        assert held == ["first", "second"]

    async def test_different_roles_are_independent(
        self, leadership: Leadership, another: Leadership, role: str
    ) -> None:
        async with asyncio.timeout(5), leadership.hold(role), another.hold(role + "-2") as lease:
            await lease.confirm()

    async def test_an_error_in_its_block_releases_a_role(
        self, leadership: Leadership, another: Leadership, role: str
    ) -> None:
        with pytest.raises(RuntimeError, match="a fault"):
            async with leadership.hold(role):
                raise RuntimeError("a fault")
        async with asyncio.timeout(5), another.hold(role) as lease:
            await lease.confirm()

    async def test_a_cancelled_wait_holds_nothing(self, leadership: Leadership, another: Leadership, role: str) -> None:
        waited: list[None] = []

        async def wait() -> None:
            async with another.hold(role, lambda: waited.append(None)):
                raise AssertionError("two hold the role")

        async with leadership.hold(role):
            waiting = asyncio.create_task(wait())
            await eventually(lambda: waited)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with asyncio.timeout(5), leadership.hold(role) as lease:
            await lease.confirm()
