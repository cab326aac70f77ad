"""How far a what-if has come, kept in a file so that it can go on after an interruption."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from domain.errors import CheckoutError
from operations.validation.supposing_process import PageResult


class NotThisRun(CheckoutError):
    """The file says something about another run, or nothing that can be read."""


class NotReady(BaseModel):
    """A basket that would become not ready, and the codes of its errors then."""

    basket: str
    partner: str
    codes: tuple[str, ...]


class State(BaseModel):
    """What was asked, and what was found up to a basket's id."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    asked: str
    """The digest of the facts and of whose baskets count."""
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
    becomes_not_ready: list[NotReady] = Field(default_factory=list)

    def add(self, result: PageResult) -> None:
        self.judged += result.judged
        self.stays_ready += result.stays_ready
        self.was_not_ready += result.was_not_ready
        self.unreadable += result.unreadable
        self.becomes_not_ready += [
            NotReady(basket=basket, partner=partner, codes=codes)
            for basket, partner, codes in result.becomes_not_ready
        ]

    def by_code(self) -> dict[str, int]:
        """How many baskets would become not ready for each code, the most frequent first; a basket counts
        for each of its codes."""
        counted = Counter(code for basket in self.becomes_not_ready for code in basket.codes)
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(self.model_dump_json(), encoding="utf-8")
        beside.replace(path)


def read_state(path: Path, asked: str) -> State | None:
    """What an earlier run left; None where there is no file. Raises NotThisRun."""
    if not path.exists():
        return None
    try:
        state = State.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise NotThisRun(f"{path} is not what a what-if leaves behind") from error
    if state.asked != asked:
        raise NotThisRun(f"{path} is about other facts, or other baskets; name another file")
    return state
