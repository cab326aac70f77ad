"""The query of a call, and its parameter `include`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from adapters.wire.prefer_header import Handling
from adapters.wire.problems import MAX_ERRORS
from adapters.wire.request_errors import InvalidHeader, InvalidParameters
from domain.shared.errors import Violation

INCLUDE = "include"
FINDINGS = "findings"
"""The value of `include`, the only one."""

INCLUDED_FINDINGS = (f"{INCLUDE}={FINDINGS}",)
"""What a request with findings has more in its fingerprint: its response is another one."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def query_pairs(query_string: bytes, headers: Mapping[str, str] = NO_HEADERS) -> list[tuple[str, str]]:
    """The names and values of a query. Raises InvalidParameters, with `headers`."""
    try:
        return parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        violation = Violation((), "wrong_format", "the query is percent-encoded UTF-8")
        raise InvalidParameters((violation,), headers=headers) from None


def parse_include(query_string: bytes, handling: Handling) -> bool:
    """Whether the response shall include findings. Raises InvalidParameters for another value and a second one; strict
    handling refuses other parameters too, and lenient handling passes them over."""
    if not query_string:
        return False
    violations: list[Violation] = []
    included = False
    for name, value in _pairs(query_string, handling):
        if name != INCLUDE:
            violations += _unknown(name, handling)
        elif included:
            violations.append(Violation((name,), "repeated_parameter", "this parameter stands twice"))
        elif value != FINDINGS:
            violations.append(Violation((name,), "not_one_of", f"this must be {FINDINGS}"))
        included = included or name == INCLUDE
    refuse(violations, handling.headers())
    return included


def require_no_parameters(query_string: bytes, handling: Handling) -> None:
    """For a call that knows no parameter. Raises InvalidParameters if handling is strict and there are any."""
    if query_string and handling.is_strict:
        unknown = [each for name, _ in _pairs(query_string, handling) for each in _unknown(name, handling)]
        refuse(unknown, handling.headers())


def _pairs(query_string: bytes, handling: Handling) -> list[tuple[str, str]]:
    if handling.is_strict:
        return query_pairs(query_string, handling.headers())
    # What is passed over may be in any encoding; a name or value of ours that is replaced is none of ours.
    return parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="replace")


def _unknown(name: str, handling: Handling) -> tuple[Violation, ...]:
    if not handling.is_strict:
        return ()
    return (Violation((name,), "unknown_parameter", "this call knows no such parameter"),)


def refuse(violations: list[Violation], headers: Mapping[str, str] = NO_HEADERS) -> None:
    """Raises InvalidParameters, with `headers`, if there are any."""
    if violations:
        listed = tuple(violations[:MAX_ERRORS])
        raise InvalidParameters(listed, len(violations) - len(listed), headers)


def read_include(header: str | None) -> bool:
    """Whether the result shall include findings, by a Kafka message's header `include`. Raises InvalidHeader."""
    if header is not None and header != FINDINGS:
        raise InvalidHeader(INCLUDE, f"this must be {FINDINGS}")
    return header is not None
