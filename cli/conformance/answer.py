"""The answer to a call, with the expectations that most cases have of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from cli.conformance.exchange import Exchange
from cli.conformance.failures import Deviation

PROBLEM = "application/problem+json"


class JsonObject(dict[str, Any]):
    """An object of an answer. A member that is missing is a deviation, not a fault of the case."""

    def __missing__(self, name: str) -> Any:
        raise Deviation(f"a member `{name}`", f"an object with {', '.join(self) or 'no members'}")


class CallAnswer:
    """`expected` is called with each expectation that held."""

    def __init__(self, response: httpx.Response, exchange: Exchange, expected: Callable[[str], None]) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text
        self.exchange = exchange
        self._expected = expected

    @property
    def json(self) -> JsonObject:
        """The body. Raises Deviation if it is no JSON object."""
        try:
            content = json.loads(self.text, object_hook=JsonObject, parse_constant=_refuse_constant)
        except ValueError as error:
            raise self.deviation("a JSON body", f"a body that is none ({error})") from None
        if not isinstance(content, JsonObject):
            raise self.deviation("a JSON object", f"JSON that is none: {self.text[:80]}")
        return content

    @property
    def media_type(self) -> str:
        content_type: str = self.headers.get("content-type", "")
        return content_type.partition(";")[0].strip().lower()

    @property
    def version(self) -> int:
        """The version of the order in the body."""
        version = self.json["order"]["version"]
        self.expect(type(version) is int and version > 0, "`order.version` is a positive integer", repr(version))
        return int(version)

    def expect(self, holds: object, expected: str, came: str) -> None:
        """Raises Deviation unless it holds."""
        if not holds:
            raise self.deviation(expected, came)
        self._expected(expected)

    def expect_equal(self, came: object, expected: object, what: str) -> None:
        """Raises Deviation unless both are the same JSON."""
        self.expect(_canonical(came) == _canonical(expected), f"{what} is {_shown(expected)}", _shown(came))

    def expect_status(self, *statuses: int) -> CallAnswer:
        """Raises Deviation unless the answer has one of them. Returns the answer."""
        wanted = " or ".join(map(str, statuses))
        self.expect(self.status in statuses, f"status {wanted}", f"status {self.status}")
        return self

    def expect_header(self, name: str, value: str) -> None:
        self.expect(self.headers.get(name) == value, f"`{name}: {value}`", self._header(name))

    def expect_pointers(self, *pointers: str) -> None:
        """Each pointer is in the `errors` of a problem."""
        named = [error["pointer"] for error in self.json["errors"]]
        for pointer in pointers:
            self.expect(pointer in named, f"an error with the pointer {pointer}", f"pointers {named}")

    def deviation(self, expected: str, came: str) -> Deviation:
        return Deviation(expected, came, self.exchange)

    def _header(self, name: str) -> str:
        return f"`{name}: {self.headers[name]}`" if name in self.headers else f"no header `{name}`"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"
