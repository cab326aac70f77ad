"""Republishing: sends history again to a topic, in one run that ends and can be resumed. Its models and ports."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol

from pydantic import AwareDatetime

from domain.operators.audit import OperatorAction
from domain.ports.messaging import Publication
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value

ReplayContent = Literal["events", "verdicts", "states"]
"""Every event, only the whole verdict of each validation, or each basket once as it is."""


class RepublishRefused(CheckoutError):
    """The message says why nothing may be sent to that topic."""


class RunNotFound(CheckoutError):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no run {id} of republishing")


class RepublishRequest(Value):
    """What to send again, and where. Both positions are included; None: from the first event, or to the last as of
    the start. States have no positions. `confirmed` repeats the name of a live topic."""

    topic: str
    content: ReplayContent = "events"
    from_position: int | None = None
    to_position: int | None = None
    partner: str | None = None
    basket_id: str | None = None
    live: bool = False
    confirmed: str | None = None


class Republication(Value):
    """A run. What it sends never changes."""

    id: str
    topic: str
    content: ReplayContent
    from_position: int
    to_position: int
    """At most the store's last position as of the start."""
    partner: str | None
    basket_id: str | None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    """When everything was sent; None: it runs, or was interrupted."""


class RepublishProgress(Value):
    """How far a run has come."""

    run: str
    topic: str
    position: int
    """Everything up to here is sent; before `from_position`: nothing yet."""
    from_position: int
    to_position: int
    sent: int = 0
    """Messages since the run was begun or resumed."""
    lost: int = 0
    """Verdicts and states that could not be assembled, and were left out."""
    complete: bool = False


class ReplayedEvent(Publication, frozen=True, kw_only=True):
    """An event, or what is made of it alone, as the run's content says, on its way to the topic of the run."""

    run: Republication


class Republications(Protocol):
    """The runs. Every method raises StoreUnavailable."""

    async def begin(self, run: Republication, action: OperatorAction) -> None:
        """Stores a run and records the action, both or neither."""

    async def resume(self, id: str, action: OperatorAction) -> Republication | None:
        """Records the action and returns the run; None, and no record, where there is no such run."""

    async def end(self, run: Republication) -> None:
        """Stores the run's `ended_at`, unless it has one."""


class ReplayTopics(Protocol):
    """The topics that history may be sent to."""

    @property
    def ours(self) -> Collection[str]:
        """Those that the service itself reads or writes."""

    def live(self, content: ReplayContent) -> str:
        """The topic that the publisher sends this content to."""

    def usable(self, topic: str) -> bool:
        """Whether a topic may have this name."""

    async def ensure(self, topic: str, content: ReplayContent) -> bool:
        """Creates a topic for this content where it is missing, with the partitions of the live one; returns whether it
        did. Raises BrokerUnavailable."""


def check_request(request: RepublishRequest, topics: ReplayTopics) -> None:
    """Raises RepublishRefused where readers of the topic would not expect history."""
    topic, live = request.topic, topics.live(request.content)
    if request.content == "states" and (request.from_position, request.to_position) != (None, None):
        raise RepublishRefused("states are sent as they are now, and so have no positions")
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
