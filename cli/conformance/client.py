"""The HTTP client of the suite: keeps no cookies, waits where it is told to, and writes down what it sends and gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from time import monotonic

import httpx
from pydantic import SecretStr

from cli.conformance.answer import CallAnswer
from cli.conformance.exchange import Exchange, http_lines
from cli.conformance.failures import CaseNotRun
from cli.conformance.options import SuiteOptions

MAX_WAITS = 6
"""How often a call that is told to wait is sent again."""

MAX_WAIT_SECONDS = 30.0
OVERLOADED = {429, 503}
_OF_THE_LIBRARY = {"host", "accept", "accept-encoding", "connection", "user-agent"}

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A request. `body` is sent as it is if it is bytes, and else as JSON. `token` None: without one."""

    method: str
    path: str
    body: object = None
    headers: Headers = ()
    token: SecretStr | None = None


@dataclass(slots=True)
class CallLog:
    """What the calls of one case were, and which expectations held."""

    exchanges: list[Exchange] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)


class ServiceClient:
    """Sends calls to the service. All calls wait while the service says that it gets too many."""

    def __init__(self, options: SuiteOptions, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._options = options
        self._http = httpx.AsyncClient(
            base_url=options.url, timeout=options.timeout, transport=transport, follow_redirects=False
        )
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._quiet_until = 0.0
        self.overload_answers: list[CallAnswer] = []

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, call: ServiceCall, log: CallLog, *, patient: bool = True) -> CallAnswer:
        """The answer. `patient`: a 429 or 503 that says when to try again is tried again. Raises CaseNotRun where
        the service cannot be reached, or only tells to wait."""
        for _ in range(MAX_WAITS):
            await self._be_quiet()
            answer = await self._send_once(call, log)
            if answer.status in OVERLOADED:
                self.overload_answers.append(answer)
            pause = _pause(answer) if patient else None
            if pause is None:
                return answer
            self._quiet_until = max(self._quiet_until, monotonic() + pause)
        raise CaseNotRun(f"the service answered {answer.status} {MAX_WAITS} times, and to come back later")

    async def _be_quiet(self) -> None:
        if (left := self._quiet_until - monotonic()) > 0:
            await asyncio.sleep(left)

    async def _send_once(self, call: ServiceCall, log: CallLog) -> CallAnswer:
        request = self._request(call)
        sent = _request_lines(request, self._options.landing_cookie)
        try:
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            why = f"no answer: {error or type(error).__name__}"
            log.exchanges.append(Exchange(sent, (why,)))
            raise CaseNotRun(why) from error
        start = f"{response.status_code} {response.reason_phrase}".strip()
        came = http_lines(start, response.headers.multi_items(), response.text, self._options.landing_cookie)
        exchange = Exchange(sent, came)
        log.exchanges.append(exchange)
        return CallAnswer(response, exchange, log.expected.append)

    def _request(self, call: ServiceCall) -> httpx.Request:
        headers = [*call.headers]
        names = {name.lower() for name, _ in headers}
        content = call.body if isinstance(call.body, bytes) or call.body is None else json.dumps(call.body).encode()
        if content is not None and "content-type" not in names:
            headers.append(("Content-Type", "application/json"))
        if call.token is not None:
            headers.append(("Authorization", f"Bearer {call.token.get_secret_value()}"))
        return self._http.build_request(call.method, call.path, content=content, headers=headers)


def _pause(answer: CallAnswer) -> float | None:
    """Seconds until the call may be sent again; None if the answer does not ask for that."""
    said = answer.headers.get("retry-after", "")
    if answer.status not in OVERLOADED or not (said.isascii() and said.isdecimal()):
        return None
    return min(float(said), MAX_WAIT_SECONDS)


def _request_lines(request: httpx.Request, landing_cookie: str) -> tuple[str, ...]:
    body = request.content.decode("utf-8", errors="replace")
    headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() not in _OF_THE_LIBRARY]
    return http_lines(f"{request.method} {request.url.raw_path.decode()}", headers, body, landing_cookie)
