"""The operator API, and what operators are held to."""

from __future__ import annotations

from tests.guards.guard import Guard

_ACCESS = "tests/api/operators/test_access.py::"

OPERATORS = (
    Guard(
        "operator-token",
        "anybody reads and changes everything",
        "api/operators/app.py",
        "    app.add_middleware(OperatorAuth, verifier=container.token_verifier)\n",
        "",
        (f"{_ACCESS}test_the_documentation_needs_an_operators_token",),
        database=True,
    ),
    Guard(
        "operator-scope",
        "a partner's token is an operator's",
        "api/operators/authentication.py",
        "        identity.require(OPERATOR_SCOPE)\n",
        "",
        (f"{_ACCESS}test_a_partners_token_is_not_enough",),
        database=True,
    ),
    Guard(
        "operator-caches",
        "a proxy keeps what operators saw, and shows it to others",
        "api/operators/authentication.py",
        "await self._app(scope, receive, send_uncached)",
        "await self._app(scope, receive, send)",
        (f"{_ACCESS}test_responses_must_not_be_cached",),
        database=True,
    ),
    Guard(
        "erasure-confirmed",
        "one wrong click erases for good",
        "api/operators/erasure.py",
        "        if body.confirm != basket_id:\n",
        "        if False:\n",
        ("tests/api/operators/test_baskets.py::test_an_erasure_needs_a_reason_and_the_basket_id_again",),
        database=True,
    ),
    Guard(
        "audit-reason-text",
        "a reason in the audit log hides itself, or moves a terminal's cursor",
        "domain/operators/audit.py",
        'if not is_storable_text(re.sub(r"[\\r\\n\\t]", " ", reason), MAX_REASON_LENGTH):',
        "if False:",
        ("tests/test_incoming_text.py::test_an_operators_reason_refuses_it",),
    ),
    Guard(
        "audit-with-its-change",
        "a change leaves no record of who made it",
        "adapters/postgres/erasure.py",
        "            await record_action(connection, action)\n",
        "",
        ("tests/adapters/postgres/test_erasure.py::test_the_audit_log_does_not_name_the_person",),
        database=True,
    ),
    Guard(
        "remedy-command",
        "an id of a partner runs a program in an operator's shell",
        "api/console/remedy_curl.py",
        "--data-raw {quote(json.dumps(body)",
        "--data-raw {(json.dumps(body)",
        ("tests/api/console/test_remedy_curl.py::test_no_id_breaks_out_of_its_word",),
    ),
)
