"""The query of a call, and its parameter `include`."""

from __future__ import annotations

from urllib.parse import parse_qsl

from adapters.wire.problems import MAX_ERRORS
from adapters.wire.request_errors import InvalidHeader, InvalidParameters
from domain.shared.errors import Violation

INCLUDE = "include"
FINDINGS = "findings"
"""The value of `include`, the only one."""

INCLUDED_FINDINGS = (f"{INCLUDE}={FINDINGS}",)
"""What a request with findings has more in its fingerprint: its response is another one."""


def query_pairs(query_string: bytes) -> list[tuple[str, str]]:
    """The names and values of a query. Raises InvalidParameters."""
    try:
        return parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        violation = Violation((), "wrong_format", "the query is percent-encoded UTF-8")
        raise InvalidParameters((violation,)) from None


def parse_include(query_string: bytes) -> bool:
    """Whether the response shall include findings. Raises InvalidParameters for any other parameter or value."""
    if not query_string:
        return False
    violations: list[Violation] = []
    included = False
    for name, value in query_pairs(query_string):
        if name != INCLUDE:
            violations.append(Violation((name,), "unknown_parameter", "this call knows no such parameter"))
        elif included:
            violations.append(Violation((name,), "repeated_parameter", "this parameter stands twice"))
        elif value != FINDINGS:
            violations.append(Violation((name,), "not_one_of", f"this must be {FINDINGS}"))
        included = included or name == INCLUDE
    refuse(violations)
    return included


def refuse(violations: list[Violation]) -> None:
    """Raises InvalidParameters if there are any."""
    if violations:
        listed = tuple(violations[:MAX_ERRORS])
        raise InvalidParameters(listed, omitted=len(violations) - len(listed))


def read_include(header: str | None) -> bool:
    """As `parse_include`, by a Kafka message's header `include`. Raises InvalidHeader."""
    if header is not None and header != FINDINGS:
        raise InvalidHeader(INCLUDE, f"this must be {FINDINGS}")
    return header is not None
