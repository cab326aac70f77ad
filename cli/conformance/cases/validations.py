"""Cases about validate: the verdict, its findings, and what they lead to."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import uuid4

import jsonpath_rfc9535 as jsonpath

from cli.conformance.answer import CallAnswer
from cli.conformance.case import Need, case
from cli.conformance.context import CaseContext, action, add, line

HEADING = "Validate"
_VERDICT = "200 whatever the verdict; `ready` is the verdict."
_JUDGED = "`checkout` is the basket as it is at the moment of judging."
_ALL_AT_ONCE = "All findings in one pass, never only the first."
_FINDING = (
    "{code, severity: error|warning, resolution: retry|change_basket|contact_seller, message, path (RFC 9535 JSONPath "
    "into checkout), orderItemId, offerId, productCode, data}"
)
_BLOCKED = "Product-level refusals are in `blockedProducts`, everything else in `validationErrors`."
_CARRIES = "The answer also carries `basketVersion`, `validatedAt` and `evidence`"
_FRESH = (
    "A validation judges a basket that includes every command that was acknowledged before it was called: it never "
    "judges a stale view."
)
_MEMBERS = ("code", "severity", "resolution", "message", "path", "orderItemId", "offerId", "productCode", "data")
_IN_LINE = re.compile(r"\$\['orderItems'\]\[(\d+)\]")
_ROUNDS = 5


def findings_of(answer: CallAnswer) -> list[Any]:
    """The findings of both lists."""
    return [*answer.json["blockedProducts"], *answer.json["validationErrors"]]


def codes_of(answer: CallAnswer) -> list[str]:
    """The codes of all findings, sorted, each once."""
    return sorted({finding["code"] for finding in findings_of(answer)})


@case(
    "validate.not-ready",
    "An offer that the catalogue does not know is judged, not refused",
    heading=HEADING,
    line=_VERDICT,
)
async def a_bad_basket_is_judged(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.name("unknown")))
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["ready"], False, "`ready`")
    errors = [finding for finding in findings_of(answer) if finding["severity"] == "error"]
    answer.expect(errors, "a finding of severity error", "none")


@case("validate.ready", "A sellable basket is ready", heading=HEADING, line=_VERDICT, needs=(Need.OFFER,))
async def a_sellable_basket_is_ready(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.offers.sellable[0]))
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect(answer.json["ready"] is True, "`ready: true`", f"findings {codes_of(answer)}")
    severities = {finding["severity"] for finding in findings_of(answer)}
    answer.expect("error" not in severities, "no error among the findings", f"findings {codes_of(answer)}")


@case("validate.empty", "An empty basket is not ready", heading=HEADING, line=_VERDICT)
async def an_empty_basket_is_not_ready(context: CaseContext) -> None:
    answer = (await context.validate(await context.begin())).expect_status(200)
    answer.expect_equal(answer.json["ready"], False, "`ready`")


@case("validate.checkout", "checkout is the basket as it is", heading=HEADING, line=_JUDGED)
async def checkout_is_the_basket(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2), line("o-2"), source="shop")
    before = await context.order(basket_id)
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["checkout"], before, "`checkout`, the order before,")
    answer.expect_equal(answer.json["basketVersion"], before["version"], "`basketVersion`")


@case("validate.carries", "A verdict carries version, time and evidence", heading=HEADING, line=_CARRIES)
async def a_verdict_says_what_it_rests_on(context: CaseContext) -> None:
    answer = (await context.validate(await context.begin(line("o-1")))).expect_status(200)
    version, at, evidence = (answer.json[name] for name in ("basketVersion", "validatedAt", "evidence"))
    answer.expect(type(version) is int and version > 0, "a positive integer as `basketVersion`", repr(version))
    try:
        is_time = datetime.fromisoformat(at).tzinfo is not None
    except (TypeError, ValueError):
        is_time = False
    answer.expect(is_time, "an RFC 3339 time as `validatedAt`", repr(at))
    are_ids = isinstance(evidence, list) and all(isinstance(id, str) for id in evidence)
    answer.expect(are_ids, "a list of ids as `evidence`", repr(evidence))


@case(
    "validate.evidence",
    "A ready verdict names the facts that it rests on",
    heading=HEADING,
    line="`evidence`: the catalogue facts (their ids) that the verdict rests on.",
    needs=(Need.OFFER,),
)
async def a_ready_verdict_rests_on_facts(context: CaseContext) -> None:
    answer = (await context.validate(await context.begin(line(context.offers.sellable[0])))).expect_status(200)
    evidence = answer.json["evidence"]
    answer.expect(evidence, "at least one fact in `evidence`", "none")
    answer.expect_equal(len(set(evidence)), len(evidence), "the number of different ids")


@case("validate.one-pass", "All bad lines are found in one pass", heading=HEADING, line=_ALL_AT_ONCE)
async def all_findings_come_at_once(context: CaseContext) -> None:
    basket_id = await context.begin(*(line(context.name("unknown")) for _ in range(3)))
    ids = {item["id"] for item in (await context.order(basket_id))["orderItems"]}
    answer = (await context.validate(basket_id)).expect_status(200)
    found = {finding["orderItemId"] for finding in findings_of(answer)}
    answer.expect(ids <= found, "a finding about each of 3 lines", f"findings about {len(ids & found)} of them")


@case("validate.finding", "A finding has every member of the contract", heading=HEADING, line=_FINDING)
async def findings_have_every_member(context: CaseContext) -> None:
    answer = (await context.validate(await context.begin(line(context.name("unknown"))))).expect_status(200)
    findings = findings_of(answer)
    answer.expect(findings, "a finding", "none")
    for finding in findings:
        missing = [name for name in _MEMBERS if name not in finding]
        answer.expect(not missing, "every member of a finding", f"no {', '.join(missing)}")
        answer.expect(finding["severity"] in ("error", "warning"), "severity error or warning", finding["severity"])
        resolutions = ("retry", "change_basket", "contact_seller")
        answer.expect(finding["resolution"] in resolutions, "a known resolution", finding["resolution"])


@case("validate.paths", "A finding's path is RFC 9535 and leads to its line", heading=HEADING, line=_FINDING)
async def paths_lead_to_lines(context: CaseContext) -> None:
    basket_id = await context.begin(*(line(context.name("unknown")) for _ in range(3)))
    answer = (await context.validate(basket_id)).expect_status(200)
    about_lines = 0
    for finding in findings_of(answer):
        about_lines += _expect_path(answer, finding)
    answer.expect(about_lines >= 3, "findings about each of 3 lines", f"{about_lines}")


def _expect_path(answer: CallAnswer, finding: Any) -> bool:
    """Whether the finding is about a line. Raises Deviation unless its path leads there."""
    checkout, path = answer.json["checkout"], finding["path"]
    try:
        nodes = jsonpath.find(path, checkout)
    except jsonpath.JSONPathError as error:
        raise answer.deviation("an RFC 9535 JSONPath as `path`", f"{path!r}: {error}") from None
    answer.expect(nodes, "a path that leads to something in `checkout`", repr(path))
    if finding["orderItemId"] is None:
        return False
    places = [found for node in nodes if (found := _IN_LINE.match(node.path())) is not None]
    led_to = {checkout["orderItems"][int(place[1])]["id"] for place in places}
    answer.expect(finding["orderItemId"] in led_to, f"a path to the line {finding['orderItemId']}", repr(path))
    return True


@case(
    "validate.blocked",
    "A refused product is among blockedProducts",
    heading=HEADING,
    line=_BLOCKED,
    needs=(Need.CATALOGUE,),
)
async def products_are_blocked(context: CaseContext) -> None:
    own = context.own_catalogue
    basket_id = await context.begin(line(own.plain), line(own.blocked), line(own.scarce, 9))
    answer = (await context.validate(basket_id)).expect_status(200)
    about = {finding["productCode"] for finding in answer.json["blockedProducts"]}
    wanted = {f"{own.blocked.id}-product", f"{own.scarce.id}-product"}
    answer.expect(about == wanted, f"`blockedProducts` about {sorted(wanted)}", str(sorted(map(str, about))))
    for finding in answer.json["blockedProducts"]:
        _expect_path(answer, finding)
    other = [finding["code"] for finding in answer.json["validationErrors"] if finding["productCode"] is not None]
    answer.expect_equal(other, [], "the codes about products in `validationErrors`")


@case(
    "validate.data",
    "data holds the facts of a finding",
    heading=HEADING,
    line="`data` holds the facts (`available`, `requested`, `expectedPrice`, `currentPrice`, …).",
    needs=(Need.CATALOGUE,),
)
async def data_holds_the_facts(context: CaseContext) -> None:
    own = context.own_catalogue
    dearer = {"amount": "99.00", "currency": context.options.currency}
    basket_id = await context.begin(line(own.scarce, 9), line(own.plain, expectedPrice=dearer))
    answer = (await context.validate(basket_id)).expect_status(200)
    stock = [finding["data"] for finding in answer.json["blockedProducts"]]
    told = [(data.get("available"), data.get("requested")) for data in stock]
    answer.expect_equal(told, [[3, 9]], "`available` and `requested` of the blocked product")
    prices = [finding["data"] for finding in answer.json["validationErrors"] if "expectedPrice" in finding["data"]]
    amounts = [(data["expectedPrice"]["amount"], data["currentPrice"]["amount"]) for data in prices]
    answer.expect_equal(amounts, [["99.00", "10.00"]], "the amounts of `expectedPrice` and `currentPrice`")


@case("validate.sees-every-command", "A validation sees every change before it", heading=HEADING, line=_FRESH)
async def a_validation_is_never_stale(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    for number in range(_ROUNDS):
        updated = (await context.update(basket_id, add(f"o-2{number}"))).expect_status(200)
        answer = (await context.validate(basket_id)).expect_status(200)
        answer.expect_equal(answer.json["checkout"], updated.json["order"], "`checkout`, the order just made,")


@case("validate.finished", "A cancelled basket is judged too, and is not ready", heading=HEADING, line=_VERDICT)
async def a_cancelled_basket_is_not_ready(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (await context.cancel(basket_id)).expect_status(200)
    answer = await context.validate(basket_id)
    answer.expect_status(200)
    answer.expect_equal(answer.json["ready"], False, "`ready`")
    answer.expect_equal(answer.json["promise"], None, "`promise`")


@case(
    "findings.included",
    "include=findings says what a validation would find",
    heading="Validate",
    line="`?include=findings` on initiate, update and GET adds `findings: {ready, blockedProducts, validationErrors, remedy}` as of now",
)
async def findings_are_included(context: CaseContext) -> None:
    order = {"orderItems": [line(context.name("unknown"))], "external_id": context.name(), **context.market}
    begun = await context.send("POST", "/partner/checkout/initiate?include=findings", {"order": order})
    basket_id = begun.expect_status(200).json["id"]
    updated = await context.update(
        basket_id, action("update_details", order={"source": "x"}), query="?include=findings"
    )
    found = await context.send("GET", f"/partner/checkout/{basket_id}?include=findings")
    validated = (await context.validate(basket_id)).expect_status(200)
    wanted = codes_of(validated)
    for answer in (begun, updated, found):
        findings = answer.expect_status(200).json["findings"]
        listed = [*findings["blockedProducts"], *findings["validationErrors"]]
        answer.expect_equal(sorted({each["code"] for each in listed}), wanted, "the codes, those of a validation,")
        answer.expect_equal(findings["ready"], validated.json["ready"], "`findings.ready`")
        answer.expect("remedy" in findings, "a member `findings.remedy`", "none")


@case(
    "findings.no-event",
    "Findings make no new version",
    heading="Validate",
    line="no event, no message, no new version.",
)
async def findings_make_no_version(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.name("unknown")))
    before = (await context.get(basket_id)).expect_status(200)
    found = (await context.send("GET", f"/partner/checkout/{basket_id}?include=findings")).expect_status(200)
    found.expect_equal(found.json["order"], before.json["order"], "the order, as before,")
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(after.json["order"], before.json["order"], "the order, as before,")
    after.expect("findings" not in after.json, "no `findings` without `include=findings`", "a member `findings`")


@case(
    "findings.ready",
    "Findings of a sellable basket are ready",
    heading="Validate",
    line="`findings: {ready, …}` as of now",
    needs=(Need.OFFER,),
)
async def findings_of_a_sellable_basket(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.offers.sellable[0]))
    answer = (await context.send("GET", f"/partner/checkout/{basket_id}?include=findings")).expect_status(200)
    findings = answer.json["findings"]
    answer.expect_equal([findings["ready"], findings["remedy"]], [True, None], "`ready` and `remedy`")


@case(
    "validate.add-ons",
    "An add-on under its offer is ready",
    heading="Initiate",
    line='{"type": "add_on", "parentId": "<order item id>"}',
    needs=(Need.CATALOGUE,),
)
async def an_add_on_is_ready(context: CaseContext) -> None:
    own, parent = context.own_catalogue, str(uuid4())
    basket_id = await context.begin(
        line(own.plain, id=parent, type="offer"), line(own.add_on, type="add_on", parentId=parent)
    )
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect(answer.json["ready"] is True, "`ready: true`", f"findings {codes_of(answer)}")
    swapped = await context.update(
        basket_id, action("swap", id=parent, offer={"id": own.second.id, "version": own.second.version})
    )
    left = [item["offer"]["id"] for item in swapped.expect_status(200).json["order"]["orderItems"]]
    swapped.expect_equal(
        left, [own.second.id], "the offers that are left: an add-on that the new one does not carry goes"
    )
    named = swapped.json["actionResults"][0]["removedOrderItemIds"]
    swapped.expect(len(named) == 1, "the add-on in `removedOrderItemIds`", str(named))
