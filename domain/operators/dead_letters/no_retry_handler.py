"""Dead letters that nothing can be done about: of unknown topics, and of batches that cannot be read."""

from __future__ import annotations

from domain.operators.dead_letters.model import MessageKind
from domain.operators.dead_letters.store import (
    RetryFailed,
    RetryHandler,
    RetryPlan,
    StoredDeadLetter,
)


class NoRetryHandler:
    """For letters from topics that this release knows nothing of."""

    topics: tuple[str, ...] = ()
    settles_all = False

    def kind(self, _: str) -> MessageKind:
        return "unknown"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        return RetryPlan(
            f"nothing: {self._words(letter)}", "settles the letter; nothing is done with the message"
        )

    async def retry(self, letter: StoredDeadLetter) -> str:
        raise RetryFailed(self._words(letter))

    async def skip(self, _: StoredDeadLetter) -> str:
        return "left out; nothing is done with the message"

    async def settled(self, _: StoredDeadLetter) -> None:
        return

    def _words(self, letter: StoredDeadLetter) -> str:
        return f"this release does not know what a message of {letter.message.source.topic} asks for"


class UnreadableBatchHandler(NoRetryHandler):
    """For letters about a batch of records that could not be read, of a topic that has a remedy for messages."""

    def __init__(self, remedy: RetryHandler) -> None:
        self._remedy = remedy

    def kind(self, topic: str) -> MessageKind:
        return self._remedy.kind(topic)

    def _words(self, letter: StoredDeadLetter) -> str:
        if self._remedy.kind(letter.message.source.topic) == "basket-event":
            return (
                "the records cannot be read, and the store has what they said:"
                " `checkout verify --all --repair` brings the views on"
            )
        return "the records cannot be read: their sender must send them again"


NO_RETRY_HANDLER = NoRetryHandler()
