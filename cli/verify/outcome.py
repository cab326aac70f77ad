"""The options of a verification, and how it ended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from cli.runner import DONE, INTERRUPTED, NOT_DONE
from cli.verify.checkpoint import VerifyCheckpoint
from domain.operators.audit import Operator
from domain.operators.verify.repair import RepairResult

CHECKS_SKIPPED = 3
"""The exit code where not everything asked for could be checked."""


class SkippedCheck(BaseModel):
    """What a run did not check, and why. `asked`: it should have."""

    what: str
    why: str
    asked: bool


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Verifies the named `baskets`, or a random `sample`, or else all. `kafka`: topics too. Repairs where an `operator`
    is named. `patience`: seconds that a view may lag. `resume` names the checkpoint file."""

    baskets: Sequence[str] = ()
    sample: int | None = None
    partner: str | None = None
    kafka: bool = True
    operator: Operator | None = None
    patience: float = 10.0
    resume: Path | None = None
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def everything(self) -> bool:
        return not self.baskets and self.sample is None

    @property
    def question(self) -> str:
        """What a checkpoint file is about."""
        whose = f" of {self.partner}" if self.partner is not None else ""
        return f"all baskets{whose}, {'with' if self.kafka else 'without'} Kafka"


@dataclass(slots=True)
class VerifyOutcome:
    """Not `complete` where it was interrupted."""

    checkpoint: VerifyCheckpoint
    repaired: RepairResult | None
    complete: bool
    seconds: float
    skipped: Sequence[SkippedCheck] = ()

    @property
    def exit_code(self) -> int:
        if not self.complete:
            return INTERRUPTED
        if self.differs:
            return NOT_DONE
        return CHECKS_SKIPPED if any(each.asked for each in self.skipped) else DONE

    @property
    def differs(self) -> bool:
        """Whether anything is still inconsistent."""
        found = self.checkpoint
        if self.repaired is None:
            return found.differs
        more = sum(found.counts.values()) > len(found.drifts) or any(each.unexplained for each in found.topics)
        return more or bool(self.repaired.remaining)
