"""Dead letters that cannot be retried: of unknown topics, and of batches that cannot be read."""

from __future__ import annotations

from domain.operators.dead_letters.model import MessageKind
from domain.operators.dead_letters.store import RetryFailed, RetryHandler, RetryPlan, StoredDeadLetter


class NoRetryHandler(RetryHandler):
    """For letters from topics that this release does not know."""

    topics: tuple[str, ...] = ()

    def kind(self, topic: str) -> MessageKind:
        return "unknown"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        return RetryPlan(
            f"nothing: {self._why(letter)}", "settles the letter; nothing is done with the message"
        )

    async def retry(self, letter: StoredDeadLetter) -> str:
        raise RetryFailed(self._why(letter))

    async def skip(self, letter: StoredDeadLetter) -> str:
        return "left out; nothing is done with the message"

    def _why(self, letter: StoredDeadLetter) -> str:
        return f"this release does not know what a message of {letter.message.source.topic} asks for"


class UnreadableBatchHandler(NoRetryHandler):
    """For letters about a batch of records that could not be read. `handler` retries readable messages of the topic."""

    def __init__(self, handler: RetryHandler) -> None:
        self._handler = handler

    def kind(self, topic: str) -> MessageKind:
        return self._handler.kind(topic)

    def _why(self, letter: StoredDeadLetter) -> str:
        if self._handler.kind(letter.message.source.topic) == "basket-event":
            return (
                "the records cannot be read, but the store has what they said:"
                " `checkout verify --all --repair` updates the views"
            )
        return "the records cannot be read: their sender must send them again"


NO_RETRY_HANDLER = NoRetryHandler()
