"""A small proxy before the service that deviates from the contract in one way at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from pydantic import BaseModel

from adapters.wire.action_requests import UpdateRequest
from adapters.wire.known_members import keep_known
from adapters.wire.requests import InitiateRequest
from cli.conformance.answer import PROBLEM
from cli.conformance.context import INITIATE, UPDATE

MAX_QUANTITY = 9999
REFUSED_CALL = 100
OUR_HEADERS = {"content-length", "content-encoding", "transfer-encoding"}

Document = dict[str, Any]


@dataclass
class ProxiedAnswer:
    """An answer on its way back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for own, value in self.headers if own == name), None)

    def drop_header(self, name: str) -> None:
        self.headers = [(own, value) for own, value in self.headers if own != name]

    def set_header(self, name: str, value: str) -> None:
        self.drop_header(name)
        self.headers.append((name, value))

    @property
    def json(self) -> Document | None:
        try:
            content = json.loads(self.body)
        except ValueError:
            return None
        return content if isinstance(content, dict) else None

    @json.setter
    def json(self, content: Document) -> None:
        self.body = json.dumps(content).encode()


ChangeRequest = Callable[[httpx.Request], httpx.Request]
ChangeAnswer = Callable[[httpx.Request, ProxiedAnswer], None]
AnswerItself = Callable[[httpx.Request], ProxiedAnswer | None]


@dataclass(frozen=True)
class PlantedDeviation:
    """What the proxy does wrong, and the cases that have to fail for it: those and no others."""

    name: str
    failing: frozenset[str]
    change_request: ChangeRequest | None = None
    change_answer: ChangeAnswer | None = None
    answer_itself: AnswerItself | None = None


@dataclass
class DeviatingProxy(httpx.AsyncBaseTransport):
    """Passes requests to the service and its answers back, with one deviation."""

    service: httpx.AsyncBaseTransport
    deviation: PlantedDeviation

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        planted = self.deviation
        if planted.answer_itself is not None and (own := planted.answer_itself(request)) is not None:
            return _response(own)
        if planted.change_request is not None:
            request = planted.change_request(request)
        response = await self.service.handle_async_request(request)
        body = await response.aread()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in OUR_HEADERS]
        answer = ProxiedAnswer(response.status_code, headers, body)
        if planted.change_answer is not None:
            planted.change_answer(request, answer)
        return _response(answer)


def _response(answer: ProxiedAnswer) -> httpx.Response:
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


def without_header(request: httpx.Request, *names: str) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.multi_items() if name not in names]
    return httpx.Request(request.method, request.url, headers=headers, content=request.content)


def _with_body(request: httpx.Request, content: object) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.multi_items() if name != "content-length"]
    return httpx.Request(request.method, request.url, headers=headers, content=json.dumps(content).encode())


def _body(request: httpx.Request) -> Any:
    try:
        return json.loads(request.content)
    except (ValueError, RecursionError):
        return None


def _drop_etag(_: httpx.Request, answer: ProxiedAnswer) -> None:
    answer.drop_header("etag")


def _foreign_is_forbidden(request: httpx.Request, answer: ProxiedAnswer) -> None:
    if answer.status == 404 and "rival" in _claims(request) and (content := answer.json) is not None:
        answer.status = 403
        answer.json = {**content, "status": 403}


def _claims(request: httpx.Request) -> str:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})) if token.count(".") == 2 else ""


def _strip_unknown(request: httpx.Request) -> httpx.Request:
    models: dict[str, type[BaseModel]] = {INITIATE: InitiateRequest, UPDATE: UpdateRequest}
    model = models.get(request.url.path)
    content = _body(request)
    if model is None or not isinstance(content, dict):
        return request
    known, ignored = keep_known(model, content)
    return _with_body(request, known) if ignored else request


def _replay_differently(_: httpx.Request, answer: ProxiedAnswer) -> None:
    if answer.header("idempotent-replayed") and (content := answer.json) is not None:
        answer.json = {**content, "replayedAt": "now"}


def _drop_replayed(_: httpx.Request, answer: ProxiedAnswer) -> None:
    answer.drop_header("idempotent-replayed")


class StoredServerError:
    """Fails once for a key of the case about it, and then replays that failure for ever."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    def __call__(self, request: httpx.Request) -> ProxiedAnswer | None:
        key = request.headers.get("idempotency-key", "")
        if "server-errors" not in key:
            return None
        replayed = [("idempotent-replayed", "true")] if key in self._failed else []
        self._failed.add(key)
        return refusal(503, "upstream_away", ("retry-after", "0"), *replayed)


def refusal(status: int, code: str, *headers: tuple[str, str]) -> ProxiedAnswer:
    problem = {
        "type": f"urn:proxy:{code}",
        "title": code,
        "status": status,
        "detail": code,
        "message": code,
        "code": code,
    }
    return ProxiedAnswer(status, [("content-type", PROBLEM), *headers], json.dumps(problem).encode())


def _success_for_malformed(_: httpx.Request, answer: ProxiedAnswer) -> None:
    if (answer.json or {}).get("code") == "malformed_json":
        answer.status, answer.body = 200, b"the body is no JSON"
        answer.set_header("content-type", "text/plain")


def _price_as_number(_: httpx.Request, answer: ProxiedAnswer) -> None:
    content = answer.json or {}
    for item in (content.get("order") or {}).get("orderItems", []):
        if item["price"] is not None:
            item["price"]["amount"] = float(item["price"]["amount"])
            answer.json = content


def _open_cookie(_: httpx.Request, answer: ProxiedAnswer) -> None:
    if (cookie := answer.header("set-cookie")) is not None:
        answer.set_header("set-cookie", cookie.replace("; Secure", "").replace("; HttpOnly", ""))


def _reorder_results(_: httpx.Request, answer: ProxiedAnswer) -> None:
    content = answer.json or {}
    if "actionResults" in content:
        answer.json = {**content, "actionResults": content["actionResults"][::-1]}


def _drop_ignored(_: httpx.Request, answer: ProxiedAnswer) -> None:
    content = answer.json or {}
    if "ignored" in content:
        answer.json = {name: value for name, value in content.items() if not name.startswith("ignored")}


def _html_413(_: httpx.Request, answer: ProxiedAnswer) -> None:
    if answer.status == 413:
        answer.body = b"<html><h1>413 Request Entity Too Large</h1></html>"
        answer.set_header("content-type", "text/html")


def _stack_trace(_: httpx.Request, answer: ProxiedAnswer) -> None:
    content = answer.json or {}
    if content.get("code") == "malformed_json":
        detail = 'Traceback (most recent call last):\n  File "/srv/gateway.py", line 7, in parse'
        answer.json = {**content, "detail": detail, "message": detail}


def _clamp_quantities(request: httpx.Request) -> httpx.Request:
    content = _body(request)
    if request.url.path != UPDATE or not isinstance(content, dict):
        return request
    large = [
        action
        for action in content.get("orderItemActions", [])
        if type(action.get("quantity")) is int and action["quantity"] > MAX_QUANTITY
    ]
    for action in large:
        action["quantity"] = MAX_QUANTITY
    return _with_body(request, content) if large else request


class UnannouncedLimit:
    """Refuses one call as one too many, without the fields that say how many are allowed."""

    def __init__(self, *more: tuple[str, str]) -> None:
        self._more = more
        self._calls = 0

    def __call__(self, _: httpx.Request) -> ProxiedAnswer | None:
        self._calls += 1
        if self._calls != REFUSED_CALL:
            return None
        return refusal(429, "too_many_calls", ("retry-after", "0"), *self._more)


class CachedVerdicts:
    """Answers a validation with the verdict before, as a cache does that does not know better."""

    def __init__(self) -> None:
        self._kept: dict[str, ProxiedAnswer] = {}

    def __call__(self, request: httpx.Request, answer: ProxiedAnswer) -> None:
        path = request.url.path
        if "/validate/" not in path or answer.status != 200:
            return
        kept = self._kept.setdefault(path, ProxiedAnswer(answer.status, answer.headers, answer.body))
        answer.headers, answer.body = kept.headers, kept.body


def planted_deviations() -> list[PlantedDeviation]:
    """Each anew, because some of them remember what they did."""

    def planted(name: str, *failing: str, **how: Any) -> PlantedDeviation:
        return PlantedDeviation(name, frozenset(failing), **how)

    return [
        planted("drops ETag", "etag.version", "etag.after-validate", "etag.not-modified", change_answer=_drop_etag),
        planted(
            "ignores If-Match",
            *("if-match.stale", "if-match.lists", "if-match.one-of-many", "problems.412"),
            change_request=lambda request: without_header(request, "if-match"),
        ),
        planted("forbids foreign baskets", "tokens.other-organisation", change_answer=_foreign_is_forbidden),
        planted(
            "strips unknown members without saying so",
            *("bodies.unknown.lenient", "bodies.unknown.strict", "bodies.unknown.default", "bodies.unknown.more"),
            change_request=_strip_unknown,
        ),
        planted(
            "replays with another body",
            *("idempotency.initiate", "idempotency.update", "idempotency.validate", "idempotency.later"),
            *("idempotency.refusal", "idempotency.twins", "idempotency.twins-with-if-match"),
            "idempotency.before-if-match",
            change_answer=_replay_differently,
        ),
        planted("stores a server's error", "idempotency.server-errors", answer_itself=StoredServerError()),
        planted(
            "answers 200 with text instead of a problem",
            *("problems.400", "problems.stable-code", "problems.no-stack-trace"),
            change_answer=_success_for_malformed,
        ),
        planted(
            "drops Idempotent-Replayed",
            *("idempotency.initiate", "idempotency.update", "idempotency.validate", "idempotency.later"),
            change_answer=_drop_replayed,
        ),
        planted("makes prices numbers", "order.money", change_answer=_price_as_number),
        planted("opens the cookie", "cookie.attributes", "cookie.secure", change_answer=_open_cookie),
        planted("reorders actionResults", "update.results", change_answer=_reorder_results),
        planted(
            "drops `ignored`",
            *("bodies.unknown.lenient", "bodies.unknown.default", "bodies.unknown.more"),
            change_answer=_drop_ignored,
        ),
        planted("answers HTML on 413", "problems.413", change_answer=_html_413),
        planted("shows a stack trace", "problems.no-stack-trace", change_answer=_stack_trace),
        planted("clamps quantities", "update.quantity-limits", change_request=_clamp_quantities),
        planted("limits calls without RateLimit fields", "problems.429", answer_itself=UnannouncedLimit()),
        planted(
            "caches verdicts",
            *("validate.sees-every-command", "remedy.leads-to", "remedy.leads-to.mixed", "remedy.quantity"),
            *("remedy.swap", "remedy.remove", "remedy.price", "idempotency.validate"),
            change_answer=CachedVerdicts(),
        ),
        planted(
            "decodes bodies by itself",
            "bodies.content-encoding",
            change_request=lambda request: without_header(request, "content-encoding"),
        ),
    ]
