"""Examples of requests, responses and problems. The code that answers calls renders the responses and problems."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from adapters.wire import request_errors
from adapters.wire.example_basket import EXAMPLE_TIME, example_basket, example_verdict
from adapters.wire.example_requests import BASKET_ID, ITEM_ID, REQUEST_BODIES
from adapters.wire.problems import Problem, to_problem
from adapters.wire.response_schemas import MessageSchemasAnswer
from adapters.wire.responses import list_body, order_body, render_body
from api.partner.message_documents import list_schemas
from domain.basket.command_executor import VersionConflict
from domain.basket.commands import ActionResult, Cancelled, Initiated, Updated
from domain.basket.lister import ListedBaskets
from domain.ports.basket_list import BasketFilter
from domain.shared import errors
from domain.shared.cursors import PagePosition
from domain.shared.errors import Violation
from domain.shared.findings import Assessment

CURSOR = PagePosition(EXAMPLE_TIME, BASKET_ID).encode(BasketFilter(partner="shop"))

_PROMISE_KEYS = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "use": "sig",
            "alg": "EdDSA",
        }
    ]
}


def _named(bodies: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Bodies as OpenAPI's examples, by their titles."""
    return {
        "-".join(title.lower().replace(",", "").replace(":", "").split()): {"summary": title, "value": body}
        for title, body in bodies.items()
    }


REQUESTS = {call: _named(bodies) for call, bodies in REQUEST_BODIES.items()}
"""The bodies of each call that takes one."""


def _cancelled() -> Cancelled:
    basket = example_basket()
    basket.cancel("customer_left", None, EXAMPLE_TIME + timedelta(minutes=5))
    return Cancelled(basket)


def _schemas() -> dict[str, Any]:
    listed = list_schemas()
    return MessageSchemasAnswer(schemas=listed.schemas[:2]).model_dump(mode="json", by_alias=True)


def success_examples() -> dict[str, Any]:
    """The body of each call's success."""
    changed = ActionResult(0, "change_quantity", "applied", ITEM_ID, 1, 3)
    details_set = ActionResult(1, "update_details", "applied", None, None, None)
    updated = Updated(example_basket(), (changed, details_set))
    bodies = {
        "initiate": render_body(Initiated(example_basket(), created=True)),
        "update": render_body(updated),
        "validate": render_body(example_verdict()),
        "cancel": render_body(_cancelled()),
        "order": order_body(example_basket()),
        "baskets": list_body(ListedBaskets((example_basket(),), CURSOR)),
    }
    return {
        **{call: json.loads(body) for call, body in bodies.items()},
        "promise_keys": _PROMISE_KEYS,
        "schemas": _schemas(),
    }


def examples_with_findings() -> dict[str, Any]:
    """The body of each call's success with `include=findings`."""
    validated, basket = example_verdict(), example_basket()
    assessment = Assessment(validated.verdict, validated.remedy)
    changed = ActionResult(0, "change_quantity", "applied", ITEM_ID, 1, 3)
    bodies = {
        "initiate": render_body(Initiated(basket, created=True, assessment=assessment)),
        "update": render_body(Updated(basket, (changed,), assessment)),
        "order": order_body(basket, assessment),
    }
    return {call: json.loads(body) for call, body in bodies.items()}


_SAMPLES: tuple[Exception, ...] = (
    request_errors.MalformedBody("EOF while parsing a value at line 1 column 0"),
    request_errors.RepeatedMemberName(("order", "orderItems", 0, "quantity")),
    request_errors.InvalidHeader("If-Match", 'this is neither * nor a list of entity tags such as "3"'),
    request_errors.InvalidLandingState("the cookie landing_state cannot be read"),
    request_errors.NotAuthenticated("the token has expired"),
    request_errors.NotAllowed("the token lacks the scope partner", "partner"),
    request_errors.RouteNotFound(),
    request_errors.MethodNotAllowed(("POST",)),
    request_errors.BodyTooLarge(256 * 1024),
    request_errors.UnsupportedMediaType(),
    request_errors.UnsupportedContentEncoding(),
    request_errors.InvalidBasketId("a basket's id matches ^basket-[A-Za-z0-9\\-_]{32,36}$"),
    request_errors.InvalidParameters(
        (Violation(("colour",), "unknown_parameter", "this call knows no such parameter"),)
    ),
    request_errors.KeysUnavailable("away"),
    errors.BasketNotFound(BASKET_ID),
    errors.BasketFinished(BASKET_ID, "completed"),
    errors.ExternalIdInUse("EXT-ORD-12345"),
    VersionConflict(example_basket()),
    errors.VersionMismatch(BASKET_ID, 4),
    errors.BasketExists(BASKET_ID, 4),
    errors.InvalidCommand(
        (Violation(("order", "orderItems", 0, "quantity"), "quantity_too_small", "a line holds at least 1"),)
    ),
    errors.KeyReused("4f8a"),
    errors.RequestInProgress("4f8a"),
    errors.StoreUnavailable("away"),
)


def problem_samples() -> dict[str, Problem]:
    """One problem of each code that a call can answer with."""
    problems = [to_problem(sample) for sample in (*_SAMPLES, RuntimeError())]
    return {problem.kind.code: problem for problem in problems}
