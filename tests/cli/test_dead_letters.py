"""Dead letters of every kind, buried by the real workers and settled by operators."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from adapters.kafka import topics
from adapters.kafka.catalogue_messages import fact_message
from adapters.kafka.messages import Message
from adapters.system import new_id
from cli.commands import app
from domain.basket.codec import decode_all
from domain.catalogue.facts import Fact
from domain.ports.event_store import Append, Appended, NewEvent
from domain.ports.messaging import DeadLetter
from domain.shared.values import MessageSource
from domain.validation.stream_fold import BASKET_VALIDATED
from tests.basket_traffic import event_message, send, topic_content
from tests.builders import caller, initiate, item, offer, validate
from tests.cli.dead_letter_setup import ADA, Office, open_office
from tests.contracts.catalogue import unique
from tests.servers.checkout_command import run_with
from tests.servers.waiting import eventually
from tests.workers.command_gateway import CommandGateway, add, order, order_results
from tests.workers.command_gateway import initiate as initiate_message


def garbage(basket_id: str, value: bytes = b"\xff no JSON") -> Message:
    return Message(topics.BASKET_EVENTS, basket_id.encode(), value, ())


def without_an_id(message: Message) -> Message:
    """As a gateway sends it that forgets the header."""
    headers = tuple((name, value) for name, value in message.headers if name != "ce_id")
    return Message(message.topic, message.key, message.value, headers)


async def parked(office: Office, messages: int = 1) -> str:
    """A basket whose view waits for so many letters, while its life went on."""
    basket = await office.partner.fills_a_basket()
    for number in range(messages):
        # One letter a batch: what comes behind it in the same batch is dropped without a word.
        await send(office.settings, [garbage(basket.id, b"no JSON %d" % number)])
    async with office.projecting():
        await office.buried(1, basket=basket.id)
    return basket.id


async def view_is_right(office: Office, basket_id: str) -> bool:
    stored = await office.parts.event_store.read_events(basket_id)
    return await office.parts.basket_views.versions([basket_id]) == {basket_id: stored[-1].version}


async def test_a_retry_folds_the_view_of_a_blocked_basket_and_unblocks_it(office: Office) -> None:
    basket_id = await parked(office)
    (letter,) = await office.buried(basket=basket_id)
    assert (letter.kind, letter.code, letter.parks) == ("basket-event", "unreadable", True)
    assert "folds the view" in (await office.box.show(letter.id)).retry

    outcome = await office.box.retry(letter.id, ADA)

    assert outcome.result == "done"
    assert await view_is_right(office, basket_id)
    assert await office.parts.blocked_baskets.blocked([basket_id]) == set()
    assert await office.results() == ["done"]
    async with office.projecting():
        await office.partner.handlers.validate(validate(basket_id), caller())
        newest = (await office.parts.event_store.read_events(basket_id))[-1]
        await send(office.settings, [event_message(newest)])
        await eventually(lambda: view_is_right(office, basket_id), every=0.05)


async def test_events_during_a_retry_reach_the_view_too(office: Office) -> None:
    basket_id = await parked(office)
    (letter,) = await office.buried(basket=basket_id)

    async def goes_on() -> None:
        while True:
            await office.partner.handlers.validate(validate(basket_id), caller())

    async with office.publishing(), office.projecting():
        going_on = asyncio.create_task(goes_on())
        outcome = await office.box.retry(letter.id, ADA)
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
        assert outcome.result == "done", outcome.words
        await eventually(lambda: view_is_right(office, basket_id), every=0.1)
    assert (await office.box.list(basket_id=basket_id)).letters == ()


async def test_a_basket_that_cannot_be_folded_stays_blocked_after_a_retry_and_a_skip(
    office: Office,
) -> None:
    basket_id = f"basket-{new_id()}"
    odd = NewEvent("checkout.basket-initiated.v1", b'{"no":"basket"}', b"{}")
    assert isinstance(await office.parts.event_store.append(Append(basket_id, 0, [odd])), Appended)
    await send(office.settings, [garbage(basket_id)])
    async with office.projecting():
        (letter,) = await office.buried(basket=basket_id)

    retried, skipped = await office.box.retry(letter.id, ADA), await office.box.skip(letter.id, ADA)

    assert (retried.result, skipped.result) == ("failed", "failed")
    assert "stays blocked" in retried.words
    assert "stays blocked" in skipped.words
    assert set(await office.parts.blocked_baskets.blocked([basket_id])) == {basket_id}
    again = (await office.box.show(letter.id)).letter
    assert (again.tries, again.last_error) == (1, retried.words)
    assert await office.results() == ["failed"], "what changed nothing but a count is recorded, a refusal is not"


async def test_a_skip_of_a_letter_about_a_view_folds_the_view_too(office: Office) -> None:
    basket_id = await parked(office)
    (letter,) = await office.buried(basket=basket_id)

    assert (await office.box.skip(letter.id, ADA)).result == "done"

    assert await view_is_right(office, basket_id)
    assert await office.parts.blocked_baskets.blocked([basket_id]) == set()


async def test_one_fold_settles_all_letters_of_a_basket(office: Office) -> None:
    basket_id = await parked(office)
    more = DeadLetter(
        MessageSource(topics.BASKET_EVENTS, 0, 77), basket_id.encode(), b"", (), "no_value", "", basket_id
    )
    later = await office.bury(more)
    first, _ = await office.buried(2, basket=basket_id)

    assert (await office.box.retry(later.id, ADA)).waits_for == first.id
    outcome = await office.box.retry(first.id, ADA)

    assert (outcome.result, outcome.along) == ("done", (later.id,))
    assert (await office.box.list(basket_id=basket_id)).letters == ()


async def test_a_message_about_no_basket_can_be_skipped_but_not_retried(office: Office) -> None:
    code = "no_basket"
    mark = new_id().encode()
    await send(office.settings, [Message(topics.BASKET_EVENTS, None, mark, ())])

    async def ours() -> int:
        for letter in (await office.box.list(limit=1000, code=code)).letters:
            shown = await office.box.show(letter.id)
            if shown.value is not None and shown.value.text == mark.decode():
                return letter.id
        return 0

    async with office.projecting():
        id = await eventually(ours, every=0.1)

    assert (await office.box.retry(id, ADA)).result == "failed"
    assert (await office.box.skip(id, ADA)).result == "done"


async def test_a_contradicting_fact_stays_a_letter_until_it_is_skipped(office: Office) -> None:
    known = offer(unique("o"), name="weekly paper")
    other = known.model_copy(update={"name": "daily paper"})
    await send(office.settings, [fact_message(known), fact_message(other)])
    async with office.learning():

        async def contradicted() -> int:
            letters = (await office.box.list(limit=1000, code="contradicts")).letters
            for letter in letters:
                if (await office.box.show(letter.id)).retry == f"learns {known.fact_id}":
                    return letter.id
            return 0

        id = await eventually(contradicted, every=0.1)

    retried = await office.box.retry(id, ADA)
    assert (retried.result, known.fact_id in retried.words) == ("failed", True)
    assert (await office.box.skip(id, ADA)).result == "done"
    assert await office.results() == ["done", "failed"]


async def test_a_fact_that_an_older_release_did_not_understand_is_recorded(office: Office) -> None:
    fact: Fact = offer(unique("o"))
    message = fact_message(fact)
    source = MessageSource(message.topic, 0, 4711)
    letter = await office.bury(
        DeadLetter(source, message.key, message.value, message.headers, "not_a_fact", "what is an offer?")
    )
    assert (letter.kind, letter.basket_id) == ("catalogue-fact", None)

    outcome = await office.box.retry(letter.id, ADA)

    assert (outcome.result, outcome.words) == ("done", f"learned {fact.fact_id}")
    assert await office.parts.catalogue.count_recorded([fact.fact_id]) == 1


async def test_a_command_without_an_id_is_executed_once_under_the_id_of_its_letter(office: Office) -> None:
    gateway = CommandGateway(office.settings)
    async with office.commanding():
        [begun] = await gateway.asks(initiate_message())
        await send(office.settings, [without_an_id(add(begun.basket, "o-9", 4))])
        (letter,) = await office.buried(basket=begun.basket)
    assert (letter.kind, letter.code, letter.parks) == ("command", "no_command_id", False)
    id = f"dead-letter/{letter.id}"
    assert f"as command {id}" in (await office.box.show(letter.id)).retry
    assert [outcome.result for outcome in await office.retry_all(basket_id=begun.basket)] == ["left"]

    outcomes = await asyncio.gather(*(office.box.retry(letter.id, ADA) for _ in range(2)))

    assert {outcome.result for outcome in outcomes} <= {"done", "busy", "settled"}
    assert [outcome.result for outcome in outcomes].count("done") == 1
    told = (await gateway.results([id]))[id]
    assert [result.status for result in told] == [200]
    assert told[0].body["actionResults"][0]["status"] == "applied"
    basket = await offers_in(office, begun.basket)
    assert basket == ["o-1", "o-9"]


async def test_a_retry_that_is_cut_off_executes_nothing_twice(
    office: Office,
) -> None:
    gateway = CommandGateway(office.settings)
    async with office.commanding():
        [begun] = await gateway.asks(initiate_message())
        await send(office.settings, [without_an_id(add(begun.basket, "o-9", 4))])
        (letter,) = await office.buried(basket=begun.basket)
    id = f"dead-letter/{letter.id}"
    async with open_office(office.settings) as crashed:
        cut_off = asyncio.create_task(crashed.box.retry(letter.id, ADA))

        async def carried_out() -> bool:
            return len(await office.parts.event_store.read_events(begun.basket)) > 1

        await eventually(carried_out, every=0.005)
        cut_off.cancel()
        await asyncio.gather(cut_off, return_exceptions=True)

    await office.box.retry(letter.id, ADA)

    assert await offers_in(office, begun.basket) == ["o-1", "o-9"]
    assert {result.status for result in (await gateway.results([id]))[id]} == {200}


async def results_of(office: Office, basket_id: str) -> list[str | None]:
    """The codes of the results of a basket's orders."""
    return [result["code"] for result in (await order_results(office.settings, basket_id))[basket_id]]


async def test_an_order_that_came_before_its_basket_completes_it_by_a_retry(office: Office) -> None:
    uuid = new_id()
    basket_id = f"basket-{uuid}"
    async with office.commanding():
        await send(office.settings, [order(basket_id, "order-7")])
        (letter,) = await office.buried(basket=basket_id)
        await eventually(lambda: results_of(office, basket_id), every=0.1)
    assert (letter.kind, letter.code) == ("order", "basket_not_found")
    assert (await office.box.retry(letter.id, ADA)).result == "failed"

    # As when a database is restored from a backup, and its newest baskets come later.
    await office.handlers(uuid).initiate(initiate(item("o-1")), caller())
    outcome = await office.box.retry(letter.id, ADA)

    assert outcome.result == "done", outcome.words
    stored = await office.parts.event_store.read_events(basket_id)
    assert stored[-1].type == "checkout.basket-completed.v1"
    assert json.loads(stored[-1].metadata)["actor"] == "kafka:orders"
    assert await results_of(office, basket_id) == ["basket_not_found", "basket_not_found", None]


async def test_a_second_order_of_a_basket_waits_until_the_first_is_skipped(office: Office) -> None:
    uuid = new_id()
    basket_id = f"basket-{uuid}"
    async with office.commanding():
        await send(office.settings, [order(basket_id, "order-1"), order(basket_id, "order-2")])
        first, second = await office.buried(2, basket=basket_id)
    await office.handlers(uuid).initiate(initiate(item("o-1")), caller())

    refused = await office.box.retry(second.id, ADA)
    assert (refused.result, refused.waits_for) == ("waits", first.id)
    assert (await office.box.skip(first.id, ADA)).result == "done"
    assert (await office.box.retry(second.id, ADA)).result == "done"

    completed = decode_all(b"[" + (await office.parts.event_store.read_events(basket_id))[-1].data + b"]")
    assert [getattr(event, "order_id", None) for event in completed] == ["order-2"]


async def test_a_lost_verdict_is_assembled_again_and_published(office: Office) -> None:
    basket = await office.partner.fills_a_basket()
    stored = await office.parts.event_store.read_events(basket.id)
    judged = next(event for event in stored if event.type == BASKET_VALIDATED)
    letter = await office.bury(
        DeadLetter(
            MessageSource("event-store", 0, judged.position),
            basket.id.encode(),
            judged.data,
            (),
            "verdict_lost",
            "?",
        )
    )
    assert (letter.kind, letter.basket_id) == ("verdict", basket.id)

    outcome = await office.box.retry(letter.id, ADA)

    assert outcome.result == "done", outcome.words
    (published,) = await topic_content(office.settings, topics.VALIDATION_RESULTS, [basket.id])
    assert published.message.header("ce_id") == f"{basket.id}/{judged.version}/verdict"
    assert published.message.header("ce_requestcount") == "1"
    assert json.loads(published.message.value or b"")["basketVersion"] == judged.version - 1


async def test_a_verdict_that_stays_lost_is_a_letter_until_it_is_skipped(office: Office) -> None:
    basket_id = f"basket-{new_id()}"
    await office.parts.event_store.append(
        Append(basket_id, 0, [NewEvent(BASKET_VALIDATED, b'{"no":"verdict"}', b"{}")])
    )
    async with office.publishing():
        # Its state is lost too, at the same place.
        (letter,) = await office.buried(basket=basket_id)

    assert letter.code == "verdict_lost"
    assert (await office.box.retry(letter.id, ADA)).result == "failed"
    assert (await office.box.skip(letter.id, ADA)).result == "done"
    assert await topic_content(office.settings, topics.VALIDATION_RESULTS, [basket_id]) == []


async def test_of_many_concurrent_operators_one_retries_each_letter(office: Office) -> None:
    uuids = [new_id() for _ in range(6)]
    async with office.commanding():
        messages = [order(f"basket-{uuid}", "order-1") for uuid in uuids]
        await send(office.settings, messages)
        for uuid in uuids:
            await office.buried(basket=f"basket-{uuid}")
            await office.handlers(uuid).initiate(initiate(item("o-1")), caller())

    async with open_office(office.settings) as other:
        both = await asyncio.gather(office.retry_all(code="basket_not_found"), other.retry_all(code="basket_not_found"))

    done = [outcome.basket_id for outcomes in both for outcome in outcomes if outcome.result == "done"]
    ours = [f"basket-{uuid}" for uuid in uuids]
    assert sorted(basket for basket in done if basket in ours) == sorted(ours)
    for basket_id in ours:
        types = [event.type for event in await office.parts.event_store.read_events(basket_id)]
        assert types.count("checkout.basket-completed.v1") == 1


async def test_operators_see_and_settle_letters_on_the_command_line(office: Office) -> None:
    basket_id = await parked(office)
    (letter,) = await office.buried(basket=basket_id)
    at = office.settings

    listed = await run_with(at, "dead-letters", "list", "--basket", basket_id)
    assert (listed.code, basket_id in listed.out, "unreadable" in listed.out) == (0, True, True)
    shown = await run_with(at, "dead-letters", "show", letter.id)
    assert (shown.code, "no JSON 0" in shown.out, "folds the view" in shown.out) == (0, True, True)

    retried = await run_with(
        at, "dead-letters", "retry", "--basket", basket_id, "--reason", "mended", "--actor", "ada", "--json"
    )
    assert retried.code == 0, retried.err
    document = json.loads(retried.out)
    assert (document["settled"], document["notSettled"]) == (1, 0)
    (action,) = await office.parts.audit_log.newest(None, 5)
    assert (action.operator.actor, action.operator.way, action.operator.reason) == (
        "ada",
        "command-line",
        "mended",
    )
    assert (await office.box.list(basket_id=basket_id)).letters == ()
    settled = await run_with(at, "dead-letters", "list", "--basket", basket_id, "--settled", "--json")
    assert [each["settledBy"] for each in json.loads(settled.out)["letters"]] == ["retried"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("1", "--all"), ("--all", "--code", "x"), ("1", "--basket", "x"), ("0",), ("--reason", " ")],
)
def test_contradicting_options_are_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["dead-letters", "retry", "--reason", "x", *arguments]).exit_code == 2


async def test_an_unknown_letter_and_an_invalid_cursor_are_reported(office: Office) -> None:
    unknown = await run_with(office.settings, "dead-letters", "skip", 999_999, "--reason", "x")
    assert (unknown.code, unknown.err) == (1, "checkout: there is no dead letter 999999\n")
    assert (await run_with(office.settings, "dead-letters", "list", "--cursor", "yesterday")).code == 2


async def offers_in(office: Office, basket_id: str) -> list[str]:
    """The offers in a basket."""
    basket = await office.partner.handlers.validate(validate(basket_id), caller())
    return [line.offer.id for line in basket.basket.items.values()]
