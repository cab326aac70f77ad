"""Cases about what basket messages say: events, verdicts and states."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise

from jsonschema import Draft202012Validator

from adapters.asyncapi.schemas import PUBLISHED
from cli.conformance.case import Need, case
from cli.conformance.context import CaseContext, action, add, line
from cli.conformance.failures import Deviation
from cli.conformance.published_basket import VALIDATED, expect_of, publish_basket, read_published

HEADING = "Events (Kafka)"
_STATES = "the whole order as GET answers it, with its version, once a request"
_VERDICTS = "each verdict, whole, with its promise"
_SCHEMAS = "A JSON Schema for every message type is in the repository, served, and checked in tests"
_FINDINGS = "no event, no message, no new version."


@case(
    "topics.schemas",
    "Every message names its schema and is valid by it",
    heading=HEADING,
    line=_SCHEMAS,
    needs=(Need.KAFKA,),
)
async def every_message_is_valid(context: CaseContext) -> None:
    for message in (await publish_basket(context)).all:
        type = message.header("ce_type") or ""
        schema = message.header("ce_dataschema")
        expect_of(context, message, schema == f"urn:checkout:schema:{type}", "the schema of its type", schema)
        error = next(_validator(type).iter_errors(json.loads(message.wire.value or b"null")), None)
        came = "" if error is None else f"{error.json_path}: {error.message[:200]}"
        expect_of(context, message, error is None, "a value that is valid by its schema", came)


@cache
def _validator(type: str) -> Draft202012Validator:
    schema = next((published.schema() for published in PUBLISHED if published.name == type), None)
    if schema is None:
        raise Deviation("a type of message that has a schema", type)
    return Draft202012Validator(schema)


@case(
    "topics.schemas-served",
    "The service serves the schema that a message names",
    heading=HEADING,
    line=_SCHEMAS,
    needs=(Need.KAFKA,),
)
async def schemas_are_served(context: CaseContext) -> None:
    basket = await publish_basket(context)
    for name in sorted({str(message.header("ce_type")) for message in basket.all}):
        answer = (await context.send("GET", f"/schemas/{name}.json", anonymous=True)).expect_status(200)
        answer.expect_equal(answer.json["$id"], f"urn:checkout:schema:{name}", "`$id`")


@case(
    "topics.verdict",
    "The verdict is the whole answer of the validation",
    heading=HEADING,
    line=_VERDICTS,
    needs=(Need.KAFKA,),
)
async def verdicts_are_whole(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answers = []
    for number in range(2):
        answers.append((await context.validate(basket_id)).expect_status(200))
        (await context.update(basket_id, add(f"o-2{number}"))).expect_status(200)
    basket = await read_published(context, basket_id)
    judged = [event.version for event in basket.events if event.header("ce_type") == VALIDATED]
    came = [verdict.version for verdict in basket.verdicts]
    context.expect(came == judged, f"one verdict for each validation, at {judged}", f"verdicts at {came}")
    for verdict, answer in zip(basket.verdicts, answers, strict=True):
        answer.expect_equal(verdict.json, answer.json, "the value of the verdict")


@case(
    "topics.findings",
    "Findings without a validation make no message",
    heading="Validate",
    line=_FINDINGS,
    needs=(Need.KAFKA,),
)
async def findings_make_no_message(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    (await context.send("GET", f"/partner/checkout/{basket_id}?include=findings")).expect_status(200)
    (await context.update(basket_id, add("o-2"), query="?include=findings")).expect_status(200)
    basket = await read_published(context, basket_id)
    context.expect(basket.version == version + 1, f"version {version + 1}", f"version {basket.version}")
    context.expect(not basket.verdicts, "no verdict", f"{len(basket.verdicts)} verdicts")


@case(
    "topics.state", "The state is what GET answers, once a request", heading=HEADING, line=_STATES, needs=(Need.KAFKA,)
)
async def states_are_what_get_answers(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"), line("o-2", 2))
    answers = [await context.get(basket_id)]
    for actions in ((add("o-3"), add("o-4")), (action("clear"),)):
        (await context.update(basket_id, *actions)).expect_status(200)
        answers.append(await context.get(basket_id))
    (await context.validate(basket_id)).expect_status(200)
    answers.append(await context.get(basket_id))
    (await context.cancel(basket_id)).expect_status(200)
    answers.append(await context.get(basket_id))
    basket = await read_published(context, basket_id)
    wanted = [answer.expect_status(200).version for answer in answers]
    came = [state.version for state in basket.states if state.wire.value is not None]
    context.expect(came == wanted, f"one state for each request, at {wanted}", f"states at {came}")
    for (version, answer), state in zip(zip(wanted, answers, strict=True), basket.states, strict=False):
        answer.expect_equal(state.json, answer.json, f"the state at version {version}")
    for before, after in pairwise(basket.states):
        expect_of(context, after, after.partition == before.partition, "one partition for all states", after.partition)
