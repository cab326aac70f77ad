"""How facts are told apart: by what they speak of, and by their sender's own version of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.values import WHOLE

Sequence = Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE]

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "*": "%2A"})


def name_of(*parts: str | None) -> str:
    """One name made of parts; None is every one."""
    # The separators are escaped inside a part: "a/b" + "c" is another subject than "a" + "b/c".
    return "/".join(["*" if part is None else _escaped(part) for part in parts])


def fact_ids_about(kind: str, key: str) -> tuple[str, str]:
    """Between which two names the ids of all facts of a kind about one offer or product lie, and no others:
    the first is included, the second is not."""
    beginning = name_of(kind, key)
    return f"{beginning}/", f"{beginning}{_AFTER_SLASH}"


def fact_ids_of(subject: str) -> tuple[str, str]:
    """The same for all facts of one subject."""
    return f"{subject}#", f"{subject}{_AFTER_HASH}"


_AFTER_SLASH, _AFTER_HASH = "0", "$"


def _escaped(part: str) -> str:
    # To translate what needs none would take most of the time, and every verdict names its facts.
    return part.translate(_ESCAPES) if "/" in part or "%" in part or "*" in part else part
