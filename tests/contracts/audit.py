"""The contract of every AuditLog. The suite of an adapter subclasses it and provides the fixture `actions`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.operators.audit import AuditLog, Operator, OperatorAction

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def action(number: int, **values: object) -> OperatorAction:
    return OperatorAction.model_validate(
        {
            "id": f"00000000-0000-7000-8000-{number:012}",
            "type": "operations.dead-letter-skipped.v1",
            "operator": Operator(actor="ada", way="command-line", reason="a test message"),
            "scope": {"topic": "t", "offset": number},
            "occurred_at": NOON + timedelta(minutes=number),
            **values,
        }
    )


class AuditLogContract:
    async def test_the_newest_actions_come_first_and_complete(self, actions: AuditLog) -> None:
        for number in (1, 3, 2):
            await actions.record(action(number))

        assert await actions.newest(None, 2) == [action(3), action(2)]
        assert await actions.newest(action(2).occurred_at, 5) == [action(1)]

    async def test_recording_an_action_again_changes_nothing(self, actions: AuditLog) -> None:
        await actions.record(action(1))
        await actions.record(action(1, scope={}))

        assert await actions.newest(None, 5) == [action(1)]
