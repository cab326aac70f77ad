"""Partners against each other, and what a partner may send."""

from __future__ import annotations

from tests.guards.guard import Guard

_SECURITY = "tests/api/test_security.py::"
_PRICES = "tests/domain/validation/checks/test_periods_and_partners.py::"
_BODIES = "tests/adapters/wire/test_hostile_bodies.py::"

CALLERS = (
    Guard(
        "partner-scope",
        "a token for something else changes baskets",
        "adapters/auth/tokens.py",
        "        if scope not in self.scopes:\n",
        "        if False:\n",
        (f"{_SECURITY}test_a_token_without_the_scope_is_not_enough",),
    ),
    Guard(
        "partner-organisation",
        "a token without an organisation gets one that is empty",
        "adapters/auth/tokens.py",
        '        if self.partner is None:\n            raise NotAllowed("the token names no partner organisation", scope)\n'
        "        return self.partner",
        '        return self.partner or ""',
        (f"{_SECURITY}test_a_token_must_name_an_organisation",),
    ),
    Guard(
        "other-organisation-reads",
        "a partner reads the baskets of another",
        "domain/basket/repository.py",
        "if basket.partner != partner:",
        "if False:",
        (
            "tests/api/partner/test_validate_and_order.py::test_another_organisations_basket_is_as_unknown_as_one_that_never_was",
        ),
    ),
    Guard(
        "other-organisation-changes",
        "a partner changes the baskets of another, by a cookie or an id",
        "domain/basket/command_executor.py",
        "if execution.partner not in (None, loaded.partner):",
        "if False:",
        ("tests/api/partner/test_landing_cookie.py::test_the_cookie_is_no_credential",),
    ),
    Guard(
        "other-organisation-lists",
        "a partner lists the baskets of another",
        "api/partner/routes.py",
        "wanted = asked.filter_for(request.caller.partner)",
        'wanted = asked.filter_for("shop")',
        ("tests/api/partner/test_list.py::test_each_organisation_sees_its_own_baskets",),
    ),
    Guard(
        "other-organisation-external-ids",
        "a partner reaches, or blocks, another's basket by guessing its order number",
        "domain/basket/repository.py",
        'return f"{partner}\\x1f{external_id}"',
        'return f"\\x1f{external_id}"',
        ("tests/api/partner/test_initiate.py::test_another_organisations_external_id_is_another_basket",),
    ),
    Guard(
        "other-organisation-keys",
        "a partner gets the stored answer of another by its idempotency key",
        "api/partner/routes.py",
        'IdempotencyKey(f"{self.caller.partner}/{route}", header.key',
        'IdempotencyKey(f"/{route}", header.key',
        ("tests/api/partner/test_idempotency.py::test_a_key_is_of_its_organisation_and_its_call",),
    ),
    Guard(
        "other-organisation-prices",
        "a partner sees, and gets, the price that another negotiated",
        "domain/catalogue/offer_index.py",
        "            and price.partner in (None, market.partner)\n",
        "",
        (f"{_PRICES}test_a_price_for_another_partner_is_none_at_all",),
    ),
    Guard(
        "key-fingerprint",
        "a key that was used before answers another request as if it had been carried out",
        "domain/basket/idempotency.py",
        "if found.fingerprint != key.fingerprint:",
        "if False:",
        ("tests/api/partner/test_idempotency.py::test_a_key_with_another_body_is_refused",),
    ),
    Guard(
        "token-before-body",
        "a stranger has bodies read and parsed",
        "api/partner/routes.py",
        "        identity = await identify(context.headers, self._dependencies.verifier)\n",
        "        await read_body(context.headers, receive, 10)\n"
        "        identity = await identify(context.headers, self._dependencies.verifier)\n",
        ("tests/api/partner/test_bodies.py::test_the_token_is_checked_first",),
    ),
    Guard(
        "body-size",
        "a partner fills the memory with one body of unknown length",
        "api/http/request_context.py",
        "        if len(body) > limit:\n",
        "        if len(body) > 2 * limit:\n",
        ("tests/api/partner/test_bodies.py::test_a_body_of_unknown_size_is_read_up_to_the_limit",),
    ),
    Guard(
        "response-header-break",
        "a text of a partner's in a header adds headers to a response",
        "api/http/request_context.py",
        'if lines.count("\\n") != len(fields) or lines.count("\\r") != len(fields):',
        "if False:",
        ("tests/api/http/test_request_context.py::test_a_header_with_a_line_break_is_never_sent",),
    ),
    Guard(
        "body-repeated-members",
        "two readers of one body see two quantities",
        "adapters/wire/strict_json.py",
        'if text.count(b":") != _count_members(value):',
        "if False:",
        ("tests/api/partner/test_bodies.py::test_a_repeated_member_is_reported_by_its_place",),
    ),
    Guard(
        "body-items",
        "a body of 80,000 items holds up all other callers for a second",
        "adapters/wire/request_parser.py",
        "    _refuse_too_many(content, limits)\n",
        "",
        (f"{_BODIES}test_items_and_actions_are_counted_before_any_model_is_made",),
    ),
    Guard(
        "body-mistakes",
        "a body of 22,000 mistakes gets an answer of megabytes",
        "adapters/wire/request_parser.py",
        "for detail in details[:MAX_ERRORS])",
        "for detail in details)",
        (f"{_BODIES}test_the_first_mistakes_are_listed_and_all_are_counted",),
    ),
    Guard(
        "body-depth",
        "a map that is nested too deep breaks whoever reads it later",
        "domain/shared/values.py",
        "    if depth > MAX_DEPTH:\n",
        "    if False:\n",
        ("tests/domain/shared/test_money.py::test_the_depth_of_an_open_map_is_limited",),
    ),
    Guard(
        "body-compression",
        "a small compressed body is taken for something else, or unpacks without end",
        "adapters/wire/request_parser.py",
        "        raise UnsupportedContentEncoding\n\n\ndef fingerprint",
        "        return\n\n\ndef fingerprint",
        ("tests/api/partner/test_preconditions.py::test_a_compressed_body_is_refused",),
    ),
    Guard(
        "errors-of-ours",
        "an error tells a caller about hosts, statements or data of others",
        "adapters/wire/problems.py",
        'return Problem(INTERNAL_ERROR, "The failure was written to our log; trying again may help.")',
        "return Problem(INTERNAL_ERROR, str(error))",
        ("tests/api/test_problems.py::test_an_error_of_ours_says_nothing_of_itself_and_is_logged_with_the_trace",),
    ),
    Guard(
        "errors-of-outages",
        "an outage tells a caller the names and ports of our servers",
        "adapters/wire/problems.py",
        'return Problem(kind, "Trying again soon is safe.", headers={"Retry-After": str(seconds)})',
        'return Problem(kind, str(error), headers={"Retry-After": str(seconds)})',
        ("tests/api/test_problems.py::test_a_store_that_is_away_is_told_with_when_to_try_again",),
    ),
)
