"""How far a what-if has come, kept in a file so that it can go on after an interruption."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from pydantic import BaseModel, Field

from cli.checkpoint_file import RunCheckpoint
from cli.validate.what_if_process import PageResult


class NotReadyBasket(BaseModel):
    """A basket that would become not ready, and the codes of its errors then."""

    basket: str
    partner: str
    codes: tuple[str, ...]


class WhatIfCheckpoint(RunCheckpoint):
    """What was found up to a basket's id. `asked` is the digest of the facts and of whose baskets count."""

    position: int
    """How far the catalogue was at the beginning."""
    at: datetime
    """The moment as of which is judged."""
    after: str = ""
    """All baskets up to this id are done."""
    lagging: list[str] = Field(default_factory=list)
    """Baskets whose views lagged at the beginning; they come last."""
    judged: int = 0
    stays_ready: int = 0
    was_not_ready: int = 0
    unreadable: list[str] = Field(default_factory=list)
    becomes_not_ready: list[NotReadyBasket] = Field(default_factory=list)

    def add(self, result: PageResult) -> None:
        self.judged += result.judged
        self.stays_ready += result.stays_ready
        self.was_not_ready += result.was_not_ready
        self.unreadable += result.unreadable
        self.becomes_not_ready += [
            NotReadyBasket(basket=basket, partner=partner, codes=codes)
            for basket, partner, codes in result.becomes_not_ready
        ]

    def by_code(self) -> dict[str, int]:
        """How many baskets would become not ready for each code, the most frequent first; a basket counts
        for each of its codes."""
        counted = Counter(code for basket in self.becomes_not_ready for code in basket.codes)
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
