"""History, sent again: to a topic of its own, in one run that ends, and that can go on where it was cut off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.operators.audit import OperatorAction
from domain.ports.messaging import Publication
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value

ReplayContent = Literal["events", "verdicts"]
"""Every event, or the whole verdict of each validation."""


class RepublishRefused(CheckoutError):
    """It must not be sent there; in words why."""


class RunNotFound(CheckoutError):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no run {id} of republishing")


class RepublishRequest(Value):
    """What is to be sent again, and where. Positions include both ends; None: from the first, or to the last as
    of the start. `confirmed` is the topic's name as it was typed again, where the topic is live."""

    topic: str
    content: ReplayContent = "events"
    from_position: int | None = None
    to_position: int | None = None
    partner: str | None = None
    basket_id: str | None = None
    live: bool = False
    confirmed: str | None = None


class Republication(Value):
    """A run: what is sent in it never changes."""

    id: str
    topic: str
    content: ReplayContent
    from_position: int
    to_position: int
    """The last position that it looks at: at most the store's last as of its start."""
    partner: str | None
    basket_id: str | None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    """When all of it had been sent; None: it still runs, or was cut off."""


class RepublishProgress(Value):
    """How far a run has come."""

    run: str
    topic: str
    position: int
    """Everything up to here is sent; a position before the run's first: nothing is yet."""
    from_position: int
    to_position: int
    sent: int = 0
    """Messages sent since the run was begun or gone on with."""
    lost: int = 0
    """Verdicts that could not be put together, and were left out."""
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedEvent(Publication):
    """An event (or its verdict alone, where there is one) that is sent again, to the topic of its run."""

    run: Republication


class Republications(Protocol):
    """The runs. Every method raises StoreUnavailable."""

    async def last_position(self) -> int:
        """Of all events in the store."""

    async def begin(self, run: Republication, action: OperatorAction) -> None:
        """Keeps a run and records the action, both or neither."""

    async def go_on(self, id: str, action: OperatorAction) -> Republication | None:
        """The run, with the action recorded; None where there is none: then nothing is recorded."""

    async def end(self, run: Republication) -> None:
        """Notes that all of a run was sent, at its `ended_at`."""


class ReplayTopics(Protocol):
    """The topics that history may be sent to."""

    @property
    def ours(self) -> Collection[str]:
        """Those that the service itself reads or writes."""

    def live(self, content: ReplayContent) -> str:
        """Where the publisher sends this."""

    def usable(self, topic: str) -> bool:
        """Whether it is a name that a topic may have."""

    async def ensure(self, topic: str) -> bool:
        """Makes the topic where it is missing, with as many partitions as the live one; whether it was.
        Raises BrokerUnavailable."""


def check_request(request: RepublishRequest, topics: ReplayTopics) -> None:
    """Raises RepublishRefused where the request would send history to readers who do not expect it."""
    topic, live = request.topic, topics.live(request.content)
    if not topics.usable(topic):
        raise RepublishRefused(f"{topic!r} is no name for a topic of one's own")
    if topic == live:
        if not request.live:
            raise RepublishRefused(f"{topic} is live: everybody who reads it would read this again")
        if request.confirmed != topic:
            raise RepublishRefused(f"{topic} is live, and its name was not typed again to confirm it")
    elif topic in topics.ours:
        raise RepublishRefused(
            f"{topic} is a topic of the service for something else; {request.content} do not belong there"
        )
    elif request.live:
        raise RepublishRefused(f"{topic} is not live; {live} is")
