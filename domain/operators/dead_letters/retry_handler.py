"""How the messages of dead letters are retried: a port, and the handlers of letters that cannot be retried."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

from domain.operators.dead_letters.model import MessageKind
from domain.operators.dead_letters.store import StoredDeadLetter

SKIPPED = "left out"


class RetryFailed(Exception):
    """A letter cannot be settled in this way; says why."""


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry and a skip of a letter would do, for people.

    `only_by_name`: a retry of all letters leaves it out; the letter or its code must be named.
    """

    retry: str
    skip: str
    only_by_name: bool = False


class RetryHandler(ABC):
    """Retries the messages of some topics. The letters of one basket in these topics are settled in order."""

    topics: Collection[str]
    settles_all: bool = False
    """What settles one letter of a basket settles its others as well."""

    @abstractmethod
    def kind(self, topic: str) -> MessageKind: ...

    @abstractmethod
    def plan(self, letter: StoredDeadLetter) -> RetryPlan: ...

    @abstractmethod
    async def retry(self, letter: StoredDeadLetter) -> str:
        """Does what the message asked for and returns what was done. It may be done again without harm.

        Raises RetryFailed, and Unavailable where the outcome is not known yet.
        """

    async def skip(self, letter: StoredDeadLetter) -> str:
        """Does what is needed to leave the letter out and returns what that means. Raises RetryFailed where it cannot
        be left out, and Unavailable."""
        return SKIPPED

    async def settled(self, letter: StoredDeadLetter) -> None:
        """Does what can be done only after the letter is settled. Raises RetryFailed where the letter must be opened
        again, and Unavailable."""
        return


class NoRetryHandler(RetryHandler):
    """For letters from topics that this release does not know."""

    topics: tuple[str, ...] = ()

    def kind(self, topic: str) -> MessageKind:
        return "unknown"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        return RetryPlan(f"nothing: {self._why(letter)}", "settles the letter; nothing is done with the message")

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
