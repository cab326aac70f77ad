"""How unknown members of a request are handled: `Prefer: handling=strict` refuses them, `lenient` ignores and names
them (RFC 7240). Without the preference a setting decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import msgspec
from pydantic import JsonValue

from adapters.wire.known_members import IgnoredMembers

HandlingKind = Literal["strict", "lenient"]

C_co = TypeVar("C_co", covariant=True)

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_VALUE = rf"(?:[ \t]*+=[ \t]*+(?:{_WORD}|{_QUOTED})?+)?+"
_PREFERENCE = re.compile(
    rf"[ \t,]*+(?P<name>{_WORD})(?:[ \t]*+=[ \t]*+(?P<value>{_WORD}|{_QUOTED})?+)?+"
    rf"(?:[ \t]*+;[ \t]*+(?:{_WORD}{_VALUE})?+)*+"  # parameters, which say nothing to us
    r"[ \t]*+(?:,|\Z)"
)
"""One preference of a list, and what ends it."""


@dataclass(frozen=True, slots=True)
class Handling:
    """`preferred`: the request asked for it."""

    kind: HandlingKind
    preferred: bool = False

    @property
    def is_strict(self) -> bool:
        return self.kind == "strict"

    def headers(self, ignored: IgnoredMembers | None = None) -> dict[str, str]:
        """`Preference-Applied`, where the request had the preference or something was ignored."""
        return {"Preference-Applied": f"handling={self.kind}"} if self.preferred or ignored else {}


LENIENT = Handling("lenient")
_WITHOUT_PREFERENCE: dict[HandlingKind, Handling] = {"lenient": LENIENT, "strict": Handling("strict")}


class ParsedRequest(msgspec.Struct, Generic[C_co], frozen=True):
    """A command, and which members of its body were ignored."""

    command: C_co
    handling: Handling = LENIENT
    ignored: IgnoredMembers = msgspec.field(default_factory=IgnoredMembers)

    @property
    def headers(self) -> dict[str, str]:
        return self.handling.headers(self.ignored)

    @property
    def members(self) -> dict[str, JsonValue]:
        """What a success says beside its own members; nothing if nothing was ignored."""
        return self.ignored.to_members()


def read_handling(prefer: str | None, default: HandlingKind) -> Handling:
    """The handling that the header `Prefer` asks for, else the default. Of several the first one counts. Unknown
    preferences, and whatever stands after something that cannot be read, express no preference. Takes linear time."""
    at = 0
    while prefer is not None and (found := _PREFERENCE.match(prefer, at)) is not None:
        if found["name"].lower() == "handling":
            match (found["value"] or "").strip('"').lower():
                case "strict":
                    return Handling("strict", preferred=True)
                case "lenient":
                    return Handling("lenient", preferred=True)
            break
        at = found.end()
    return _WITHOUT_PREFERENCE[default]
