"""How facts are told apart: by what they speak of, and by their sender's own version of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from domain.shared.values import WHOLE_NUMBER

Sequence = Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE_NUMBER]

EPOCH_FIELD = "checkoutEpoch"
"""The epoch's name in stored facts. No message may say it."""


def _is_first(epoch: int) -> bool:
    return epoch == 0


Epoch = Annotated[SkipJsonSchema[int], Field(ge=0, alias=EPOCH_FIELD, exclude_if=_is_first)]
"""How often the fact's subject was withdrawn and said again, as `domain.catalogue.epochs` counts it. Ours: facts are
stored with it, and nobody says it."""

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "*": "%2A"})


def subject_of(*parts: str | None) -> str:
    """One name made of parts; None is every one."""
    # The separators are escaped inside a part: "a/b" + "c" is another subject than "a" + "b/c".
    return "/".join(["*" if part is None else _escaped(part) for part in parts])


def fact_id(subject: str, sequence: int, epoch: int) -> str:
    """The id of a fact. Ids from before there were epochs stay as they were."""
    return f"{subject}#{sequence}~{epoch}" if epoch else f"{subject}#{sequence}"


def fact_ids_about(kind: str, key: str) -> tuple[str, str]:
    """Between which two names the ids of all facts of a kind about one offer or product lie, and no others:
    the first is included, the second is not."""
    beginning = subject_of(kind, key)
    return f"{beginning}/", f"{beginning}{_AFTER_SLASH}"


def fact_ids_of(subject: str) -> tuple[str, str]:
    """The same for all facts of one subject."""
    return f"{subject}#", f"{subject}{_AFTER_HASH}"


_AFTER_SLASH, _AFTER_HASH = "0", "$"


def _escaped(part: str) -> str:
    # To translate what needs none would take most of the time, and every verdict names its facts.
    return part.translate(_ESCAPES) if "/" in part or "%" in part or "*" in part else part
