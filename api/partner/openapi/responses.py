"""The responses of each call in the document: its success, and every problem that it can answer with."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from adapters.wire.problems import MEDIA_TYPE
from api.partner.message_documents import SCHEMA_MEDIA_TYPE
from api.partner.openapi.examples import examples_with_findings, problem_samples, success_examples

Document = dict[str, Any]

PUBLIC_CALLS = frozenset({"promise_keys", "asyncapi", "schemas", "schema"})
"""The calls that need no token."""

_ANY = (
    *("not_authenticated", "not_allowed"),
    *("internal_error", "store_unavailable", "keys_unavailable"),
)
_EVERY = (*_ANY, "basket_not_found")
_COMMAND = (
    *("invalid_header", "conflict", "request_in_progress"),
    *("version_mismatch", "basket_exists", "idempotency_key_reused"),
)
_BODY = (
    *("malformed_json", "repeated_member", "invalid_request"),
    *("body_too_large", "unsupported_media_type", "unsupported_content_encoding"),
)
_LANDING = ("invalid_landing_state", "basket_finished")
_PATH = ("not_found", "invalid_basket_id")

_PROBLEMS = {
    "initiate": (*_EVERY, *_COMMAND, *_BODY, *_LANDING, "external_id_in_use", "invalid_parameters"),
    "update": (*_EVERY, *_COMMAND, *_BODY, *_LANDING, "external_id_in_use", "invalid_parameters"),
    "validate": (*_EVERY, *_COMMAND, *_PATH, "invalid_parameters"),
    "cancel": (*_EVERY, *_COMMAND, *_BODY, *_PATH, "basket_finished", "invalid_parameters"),
    "baskets": (*_ANY, "invalid_parameters"),
    "order": (*_EVERY, *_PATH, "invalid_header", "version_mismatch", "invalid_parameters"),
}
"""The codes of the problems that each call can answer with."""

_DESCRIPTIONS = {
    400: "The request cannot be read.",
    401: "The token is missing or not valid.",
    403: "The token lacks the scope `partner`, or names no partner organisation.",
    404: "There is no such basket. The basket of another organisation gets the same response.",
    409: "The request conflicts with the state of the basket, or with another request.",
    412: "`If-Match` or `If-None-Match` failed. Nothing was changed.",
    413: "The body is too large.",
    415: "The headers say that the body is not JSON, or is compressed.",
    422: "The request can be read, but is wrong. Nothing was changed.",
    500: "An error of ours.",
    503: "A part of the service is not available. Nothing was changed, and a retry is safe.",
}

_TEXT: Document = {"type": "string"}
_HEADERS: dict[str, Document] = {
    "ETag": {"description": "The basket's version.", "schema": {**_TEXT, "pattern": '^"[0-9]+"$'}},
    "Cache-Control": {
        "description": "The response is not to be kept by caches.",
        "schema": {**_TEXT, "const": "no-store"},
    },
    "Retry-After": {
        "description": "Seconds to wait before a retry.",
        "schema": {**_TEXT, "pattern": "^[0-9]+$"},
    },
    "Set-Cookie": {
        "description": "The landing state. An update sends it if the basket's expiry moves with its changes.",
        "schema": _TEXT,
    },
    "Accept-Encoding": {
        "description": "The encoding that a body may have.",
        "schema": {**_TEXT, "const": "identity"},
    },
    "WWW-Authenticate": {"description": "RFC 6750.", "schema": _TEXT},
    "Idempotent-Replayed": {
        "description": "The first response to this key, sent again.",
        "schema": {**_TEXT, "const": "true"},
    },
    "Preference-Applied": {
        "description": "How unknown members and parameters were handled: where the request had the preference, or members were"
        " ignored.",
        "schema": {**_TEXT, "enum": ["handling=lenient", "handling=strict"]},
    },
    "X-Correlation-Id": {"description": "The caller's own, or else the trace id.", "schema": _TEXT},
}

_COMMANDS = ("initiate", "update", "validate", "cancel")
_WRONG_BODY = 422
_TOO_LARGE = 413
_STORED_STATUSES = (409, 412, 422)
"""The statuses of problems that are stored under an idempotency key and replayed."""


def describe_responses(call: str, success: Document) -> Document:
    """The responses of a call by their statuses. `success` is FastAPI's description of the 200.

    Headers are ours: FastAPI has no model of them. Examples are added here, because FastAPI leaves nulls out of them.
    """
    replayed = ("Idempotent-Replayed",) if call in _COMMANDS else ()
    cookie = ("Set-Cookie",) if call in ("initiate", "update") else ()
    success["description"] = "Done."
    always = {"Cache-Control", "ETag", "Set-Cookie"} if call == "initiate" else {"Cache-Control", "ETag"}
    version = () if call == "baskets" else ("ETag",)
    success["headers"] = _headers("Cache-Control", *version, *cookie, *replayed, *_applied(call), required=always)
    _give_success_examples(call, success["content"]["application/json"])
    if call in ("initiate", "update"):
        by_id = {"parameters": {"id": "$response.body#/id"}}
        success["links"] = {after: {"operationId": after, **by_id} for after in ("validate", "order")}
    responses = {"200": success, **_problem_responses(call, replayed)}
    if call == "order":
        responses["304"] = {
            "description": "The order has not changed since the version in `If-None-Match`. Never with"
            " `include=findings`.",
            "headers": _headers("Cache-Control", "ETag", *_applied(call), required={"Cache-Control", "ETag"}),
        }
    return responses


def _give_success_examples(call: str, media: Document) -> None:
    body, with_findings = success_examples()[call], examples_with_findings().get(call)
    if with_findings is None:
        media["example"] = body
    else:
        media["examples"] = {
            "plain": {"summary": "Without findings", "value": body},
            "findings": {"summary": "With `include=findings`", "value": with_findings},
        }


def _applied(call: str) -> Collection[str]:
    return () if call == "baskets" else ("Preference-Applied",)


def describe_public_responses(call: str, success: Document) -> Document:
    """The responses of a call that has no token and no basket: a document that caches may keep."""
    tag = {"description": "The version of the document.", "schema": _TEXT, "required": True}
    caching = {"description": "How long caches may keep the document.", "schema": _TEXT, "required": True}
    headers = {**_headers(required=()), "ETag": tag, "Cache-Control": caching}
    success["description"] = "The document."
    success["headers"] = headers
    if call == "schema":
        success["content"] = {SCHEMA_MEDIA_TYPE: success["content"].pop("application/json")}
    if call in success_examples():
        success["content"]["application/json"]["example"] = success_examples()[call]
    return {
        "200": success,
        "304": {"description": "The document has not changed since the one in `If-None-Match`.", "headers": headers},
        **({"404": _problem_response("not_found", "There is no such schema.")} if call == "schema" else {}),
        "500": _problem_response("internal_error", _DESCRIPTIONS[500]),
    }


def _problem_response(code: str, description: str) -> Document:
    schema, example = {"$ref": "#/components/schemas/ProblemShape"}, json.loads(problem_samples()[code].render())
    return {
        "description": description,
        "headers": _headers(required=()),
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _problem_responses(call: str, replayed: Collection[str]) -> Document:
    samples = problem_samples()
    problems = [samples[code] for code in _PROBLEMS[call]]
    responses: Document = {}
    for status in sorted({problem.kind.status for problem in problems}):
        alike = [problem for problem in problems if problem.kind.status == status]
        names = sorted({name for problem in alike for name in problem.headers})
        examples = {
            problem.kind.code: {"summary": problem.kind.title, "value": json.loads(problem.render())}
            for problem in alike
        }
        responses[str(status)] = {
            "description": _DESCRIPTIONS[status],
            "headers": _headers(
                *names,
                *(replayed if status in _STORED_STATUSES else ()),
                *(_applied(call) if status == _WRONG_BODY else ()),
                *(("Cache-Control",) if status == _TOO_LARGE else ()),
                # A basket that does not exist yet has no version.
                required=set.intersection(*({*problem.headers} for problem in alike)) - {"ETag"},
            ),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemShape"}, "examples": examples}},
        }
    return responses


def _headers(*names: str, required: Collection[str]) -> Document:
    headers = {name: {**_HEADERS[name], "required": name in required} for name in names}
    return headers | {"X-Correlation-Id": {**_HEADERS["X-Correlation-Id"], "required": True}}
