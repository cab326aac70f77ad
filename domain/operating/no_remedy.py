"""Dead letters that nobody knows what to do about."""

from __future__ import annotations

from domain.operating.dead_letters import Kind
from domain.operating.letter_book import Buried, Plan, StillDead


class NoRemedy:
    """For letters from topics that this release knows nothing of."""

    topics: tuple[str, ...] = ()
    settles_all = False

    def kind(self, _: str) -> Kind:
        return "unknown"

    def plan(self, letter: Buried) -> Plan:
        return Plan(f"nothing: {self._words(letter)}", "settles the letter; nothing is done with the message")

    async def retry(self, letter: Buried) -> str:
        raise StillDead(self._words(letter))

    async def skip(self, _: Buried) -> str:
        return "left out; nothing is done with the message"

    async def settled(self, _: Buried) -> None:
        return

    def _words(self, letter: Buried) -> str:
        return f"this release does not know what a message of {letter.message.source.topic} asks for"


NO_REMEDY = NoRemedy()
