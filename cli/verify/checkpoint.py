"""What a verification has found, and how far it has come; kept in a file so that it can go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from cli.checkpoint_file import RunCheckpoint
from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.topic_verifier import TopicsResult
from domain.operators.verify.view_verifier import VerificationResult

MAX_KEPT = 20_000
"""Drifts that are kept one by one; of more of them only the counts are. Who has as many rebuilds the views."""


class TopicSummary(BaseModel):
    """What became of a topic."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    topic: str
    messages: int
    comparable_from: int | None
    unexplained: int


class SkippedCheck(BaseModel):
    """What a run did not look at, and why; `asked`: it should have."""

    what: str
    why: str
    asked: bool


class VerifyCheckpoint(RunCheckpoint):
    """All that was found up to now. `asked` says whose baskets are verified."""

    after: str = ""
    """All baskets up to this id are done."""
    baskets_done: bool = False
    claims_done: bool = False
    catalogue_done: bool = False
    baskets: int = 0
    events: int = 0
    unopened: int = 0
    """Baskets whose personal data could not be opened."""
    catalogue_rows: int = 0
    publisher: str | None = None
    published_up_to: int | None = None
    topics: list[TopicSummary] = Field(default_factory=list)
    counts: Counter[str] = Field(default_factory=Counter)
    """How many drifts of each kind there are."""
    drifts: list[Inconsistency] = Field(default_factory=list)
    lagging: dict[str, int] = Field(default_factory=dict)
    """Views that were behind, and the version that they must come to; looked at again at the end."""

    def add(self, verified: VerificationResult) -> None:
        self.baskets += verified.baskets
        self.events += verified.events
        self.unopened += verified.unopened
        self.lagging |= verified.lagging
        self.found(verified.inconsistencies)

    def found(self, drifts: Iterable[Inconsistency]) -> None:
        for drift in drifts:
            self.counts[drift.kind] += 1
            if len(self.drifts) < MAX_KEPT:
                self.drifts.append(drift)

    def add_topics(self, verified: TopicsResult) -> None:
        self.publisher = verified.publisher
        self.published_up_to = verified.published.position
        self.found(verified.inconsistencies)
        for topic in verified.topics:
            self.found(topic.inconsistencies)
            said = TopicSummary(
                topic=topic.topic,
                messages=topic.messages,
                comparable_from=topic.comparable_from,
                unexplained=topic.unexplained,
            )
            self.topics.append(said)

    @property
    def differs(self) -> bool:
        return bool(self.counts) or any(topic.unexplained for topic in self.topics)
