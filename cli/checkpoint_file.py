"""How far a long run has come, kept in a file so that it can go on after an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from domain.shared.errors import CheckoutError


class CheckpointMismatch(CheckoutError):
    """The file says something about another run, or nothing that can be read."""


class RunCheckpoint(BaseModel):
    """What was found up to now, and of what."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    asked: str
    """What was asked: a file of another question is not gone on with."""

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(self.model_dump_json(), encoding="utf-8")
        beside.replace(path)

    @classmethod
    def read(cls, path: Path, asked: str) -> Self | None:
        """What an earlier run left; None where there is no file. Raises CheckpointMismatch."""
        if not path.exists():
            return None
        try:
            state = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise CheckpointMismatch(f"{path} is not what such a run leaves behind") from error
        if state.asked != asked:
            raise CheckpointMismatch(f"{path} is about another question; name another file")
        return state
