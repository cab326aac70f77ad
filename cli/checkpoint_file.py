"""Keeps the progress of a long run in a file, so that the same command goes on after an interruption."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from domain.shared.errors import CheckoutError

SAVE_SECONDS = 2.0


class CheckpointMismatch(CheckoutError):
    """The file belongs to another run, or cannot be read."""


class RunCheckpoint(BaseModel):
    """What a run has found so far."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    asked: str
    """What the run was asked; only the same question goes on with it."""

    def write(self, path: Path) -> None:
        """Writes the whole file or nothing."""
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(self.model_dump_json(), encoding="utf-8")
        beside.replace(path)

    @classmethod
    def read(cls, path: Path, asked: str) -> Self | None:
        """What an earlier run left; None where there is no file. Raises CheckpointMismatch."""
        if not path.exists():
            return None
        try:
            checkpoint = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise CheckpointMismatch(f"{path} is not what such a run leaves behind") from error
        if checkpoint.asked != asked:
            raise CheckpointMismatch(f"{path} is about another question; name another file")
        return checkpoint


class CheckpointFile:
    """The file of one run. Without a path nothing is saved."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._saved: float | None = None

    def save(self, checkpoint: RunCheckpoint, *, now: bool = True) -> None:
        """Writes the file; not `now`: only if the last write is SAVE_SECONDS ago."""
        at = time.monotonic()
        if self._path is not None and (now or self._saved is None or at - self._saved >= SAVE_SECONDS):
            checkpoint.write(self._path)
            self._saved = at

    def remove(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
