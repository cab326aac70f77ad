"""Runs of republishing, in memory."""

from __future__ import annotations

from domain.operators.audit import OperatorAction
from domain.operators.republish.republish import Republication


class InMemoryRepublications:
    """Republications, for one process; `actions` are those that were recorded."""

    def __init__(self) -> None:
        self.actions: list[OperatorAction] = []
        self._runs: dict[str, Republication] = {}

    async def begin(self, run: Republication, action: OperatorAction) -> None:
        self._runs[run.id] = run
        self.actions.append(action)

    async def resume(self, id: str, action: OperatorAction) -> Republication | None:
        if (run := self._runs.get(id)) is not None:
            self.actions.append(action)
        return run

    def running(self) -> list[Republication]:
        """The runs that have not ended."""
        return [run for run in self._runs.values() if run.ended_at is None]

    async def end(self, run: Republication) -> None:
        if self._runs[run.id].ended_at is None:
            self._runs[run.id] = run
