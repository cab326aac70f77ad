"""Subjects and ids of facts. An id is the subject with the sender's `sequence` behind it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from domain.shared.values import ARRIVING_WHOLE_NUMBER

Sequence = Annotated[int, Field(ge=0, le=2**63 - 1), ARRIVING_WHOLE_NUMBER]

EPOCH_FIELD = "checkoutEpoch"
"""The name of the epoch in stored facts. Messages must not contain it."""

Epoch = Annotated[SkipJsonSchema[int], Field(ge=0, alias=EPOCH_FIELD, exclude_if=lambda epoch: not epoch)]
"""How often the subject was withdrawn and stated again (`domain.catalogue.epochs`). Only stored facts have it."""

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "*": "%2A"})


def subject_of(*parts: str | None) -> str:
    """One name made of parts; `*` stands for None, which means "all"."""
    # Separators are escaped: "a/b" + "c" is another subject than "a" + "b/c".
    return "/".join(["*" if part is None else _escaped(part) for part in parts])


def fact_id(subject: str, sequence: int, epoch: int) -> str:
    """The id of a fact. The first epoch is left out, so that ids from before epochs existed stay valid."""
    return f"{subject}#{sequence}~{epoch}" if epoch else f"{subject}#{sequence}"


def fact_ids_about(kind: str, key: str) -> tuple[str, str]:
    """The range of the ids of all facts of a kind about one offer or product; the end is excluded."""
    beginning = subject_of(kind, key)
    return f"{beginning}/", f"{beginning}{_AFTER_SLASH}"


def fact_ids_of(subject: str) -> tuple[str, str]:
    """The range of the ids of all facts of one subject; the end is excluded."""
    return f"{subject}#", f"{subject}{_AFTER_HASH}"


_AFTER_SLASH, _AFTER_HASH = "0", "$"


def _escaped(part: str) -> str:
    # Translating is slow and rarely needed, and every verdict names its facts.
    return part.translate(_ESCAPES) if "/" in part or "%" in part or "*" in part else part
