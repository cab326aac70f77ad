"""Each call as an operation object of OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet

from adapters.wire.problems import MEDIA_TYPE, Problem
from api.partner.openapi import examples
from api.partner.openapi.operations import Document, Operation
from domain.shared.values import BASKET_ID_PATTERN

_TITLES = {
    400: "The request cannot be read.",
    401: "There is no good token.",
    403: "The token lacks the scope `partner`, or names no partner organisation.",
    404: "There is no such basket; another organisation's answers the same.",
    409: "The request does not go together with what the basket, or another request, is at.",
    412: "`If-Match` or `If-None-Match` does not hold; nothing was changed.",
    413: "The body is too large.",
    415: "The body is no JSON, or is compressed, by its own word.",
    422: "The request is readable and wrong; nothing was changed.",
    500: "An error of ours.",
    503: "A part of the service is away. Nothing was changed; trying again is safe.",
}
_DECIDED = {409, 412, 422}
_HEADERS: dict[str, Document] = {
    "ETag": {"description": "The basket's version.", "schema": {"type": "string", "pattern": '^"[0-9]+"$'}},
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "Set-Cookie": {"description": "The landing state.", "schema": {"type": "string"}},
    "Accept-Encoding": {
        "description": "What a body may be encoded by.",
        "schema": {"type": "string", "const": "identity"},
    },
    "WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "The first answer to this key, once more.",
        "schema": {"type": "string", "const": "true"},
    },
    "X-Correlation-Id": {
        "description": "The caller's own, or else the trace id.",
        "schema": {"type": "string"},
    },
}


def parameters(cookie: str) -> dict[str, Document]:
    """The components that operations name in `parameters`."""
    landing_state = {
        "name": cookie,
        "in": "cookie",
        "description": 'The landing state: percent-encoded JSON `{"basketId": "basket-…"}`, at most 4 KiB.',
        "schema": {"type": "string", "pattern": _COOKIE_PATTERN},
        "example": f"%7B%22basketId%22%3A%22{examples.BASKET_ID}%22%7D",
    }
    return {
        "BasketId": {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": BASKET_ID_PATTERN},
            "example": examples.BASKET_ID,
        },
        "LandingState": {**landing_state, "required": False},
        "RequiredLandingState": {**landing_state, "required": True},
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": (
                '`*` or a list of entity tags, such as `"4"`; the call is refused unless the basket\'s is among'
                " them."
            ),
            "schema": {"type": "string", "pattern": _TAGS},
            "example": '"4"',
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": (
                "`*` or a list of entity tags. The order is answered with 304 where its own is among them. A call"
                " that changes a basket is refused there, and by `*` wherever there is a basket."
            ),
            "schema": {"type": "string", "pattern": _TAGS},
            "example": '"3"',
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": (
                "Makes trying again safe: the same key and request are answered with the first answer, for 24"
                " hours, be it a success or a refusal; other preconditions need a new key. Keys are of the"
                ' organisation and call; a UUID makes a good one. `k` and the quoted string `"k"` are one key.'
            ),
            "schema": {
                "type": "string",
                "pattern": r'^([!#-~][!-~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$',
            },
        },
    }


_TAGS = r'^(\*|(, ?)*(W/)?"[!#-~]*"( ?, ?((W/)?"[!#-~]*")?)*)$'
_COOKIE_PATTERN = "^%7B%22basketId%22%3A%22basket-[A-Za-z0-9_-]{32,36}%22%7D$"


def describe(operation: Operation, samples: dict[str, Problem], answers: Document) -> Document:
    """The operation object of OpenAPI."""
    described: Document = {
        "operationId": operation.id,
        "tags": ["checkout"],
        "summary": operation.summary,
        "description": operation.description,
        "security": [{"partnerToken": ["partner"]}],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in operation.parameters],
        "responses": {
            "200": _response(
                "Done.",
                (*operation.answer_headers, "X-Correlation-Id"),
                "application/json",
                operation.answer,
                {"example": answers[operation.id]},
                links=_links(operation),
            ),
            **(_KNOWN if operation.may_be_known else {}),
            **_problems(
                [samples[code] for code in operation.codes], keyed="IdempotencyKey" in operation.parameters
            ),
        },
    }
    if operation.request is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref(operation.request),
                    "example": operation.request_example,
                }
            },
        }
    return described


_KNOWN: Document = {
    "304": {
        "description": "The order is as the caller has it, by its `If-None-Match`.",
        "headers": {name: {**_HEADERS[name], "required": True} for name in ("ETag", "X-Correlation-Id")},
    }
}


def _problems(problems: list[Problem], *, keyed: bool) -> dict[str, Document]:
    """The responses of each status; those that the domain decides may be replayed where the call is keyed."""
    responses: dict[str, Document] = {}
    for status in sorted({problem.kind.status for problem in problems}):
        alike = [problem for problem in problems if problem.kind.status == status]
        told = {
            problem.kind.code: {"summary": problem.kind.title, "value": json.loads(problem.render())}
            for problem in alike
        }
        headers = {name for problem in alike for name in problem.headers}
        if keyed and status in _DECIDED:
            headers.add("Idempotent-Replayed")
        # a basket that is not there yet has no version to tell
        required = set.intersection(*({*problem.headers} for problem in alike)) - {"ETag"}
        responses[str(status)] = _response(
            _TITLES[status],
            (*sorted(headers), "X-Correlation-Id"),
            MEDIA_TYPE,
            "Problem",
            {"examples": told},
            required,
        )
    return responses


def _response(
    description: str,
    headers: tuple[str, ...],
    media_type: str,
    schema: str,
    more: Document,
    required: AbstractSet[str] = frozenset({"ETag", "Set-Cookie"}),
    links: Document | None = None,
) -> Document:
    return {
        **({"links": links} if links else {}),
        "description": description,
        "headers": {
            name: {**_HEADERS[name], "required": name in required or name == "X-Correlation-Id"}
            for name in headers
        },
        "content": {media_type: {"schema": _ref(schema), **more}},
    }


def _links(operation: Operation) -> Document:
    """What can be called next with the id of the answer."""
    by_id = {"parameters": {"id": "$response.body#/id"}}
    return {
        after: {"operationId": after, **by_id}
        for after in ("validate", "order")
        if operation.id in ("initiate", "update")
    }


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}
