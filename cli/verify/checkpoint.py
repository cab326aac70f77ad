"""What a verification has found, and how far it has come."""

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
"""Inconsistencies that are kept; more are only counted. A rebuild repairs so many."""


class TopicSummary(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    topic: str
    messages: int
    comparable_from: int | None
    unexplained: int


class VerifyCheckpoint(RunCheckpoint):
    """Everything found so far. `asked` says which baskets are verified."""

    after: str = ""
    """All baskets up to this id are done."""
    baskets_done: bool = False
    claims_done: bool = False
    catalogue_done: bool = False
    baskets: int = 0
    events: int = 0
    unopened: int = 0
    """Baskets whose personal data could not be decrypted."""
    catalogue_rows: int = 0
    publisher: str | None = None
    published_up_to: int | None = None
    topics: list[TopicSummary] = Field(default_factory=list)
    counts: Counter[str] = Field(default_factory=Counter)
    """How many inconsistencies of each kind there are."""
    drifts: list[Inconsistency] = Field(default_factory=list)
    """The inconsistencies. Files of earlier releases have this name."""
    lagging: dict[str, int] = Field(default_factory=dict)
    """Views that were behind, and the versions that they must reach by the end."""

    def add(self, verified: VerificationResult) -> None:
        self.baskets += verified.baskets
        self.events += verified.events
        self.unopened += verified.unopened
        self.lagging |= verified.lagging
        self.add_inconsistencies(verified.inconsistencies)

    def add_inconsistencies(self, inconsistencies: Iterable[Inconsistency]) -> None:
        for each in inconsistencies:
            self.counts[each.kind] += 1
            if len(self.drifts) < MAX_KEPT:
                self.drifts.append(each)

    def add_topics(self, verified: TopicsResult) -> None:
        self.publisher = verified.publisher
        self.published_up_to = verified.published.position
        self.add_inconsistencies(verified.inconsistencies)
        for topic in verified.topics:
            self.add_inconsistencies(topic.inconsistencies)
            summary = TopicSummary(
                topic=topic.topic,
                messages=topic.messages,
                comparable_from=topic.comparable_from,
                unexplained=topic.unexplained,
            )
            self.topics.append(summary)

    @property
    def differs(self) -> bool:
        return bool(self.counts) or any(topic.unexplained for topic in self.topics)
