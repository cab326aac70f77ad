"""What a ready verdict promises, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from domain.basket.decision import CheckoutConfig
from domain.basket.events import BasketExpired, BasketValidated
from domain.catalogue.facts import Fact
from domain.catalogue.policies import PolicyTerms
from domain.shared.findings import Verdict
from domain.validation.promise import evidence_digest, make_promise
from domain.validation.validate import build_context, run_checks
from tests.builders import (
    LIFETIME,
    NOW,
    PARTNER,
    SECOND,
    InMemoryCheckout,
    availability,
    basket,
    caller,
    catalogue,
    change,
    initiate,
    item,
    line,
    offer,
    policy,
    price,
    update,
    validate,
)
from tests.fakes.promises import RecordingSigner

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
SOLD: list[Fact] = [offer("o-1"), price("o-1"), availability("SKU-1", quantity=9)]
NOT_READY = Verdict(blocked_products=(), validation_errors=(), evidence=())


def test_the_digest_of_evidence_is_the_hash_of_its_sorted_lines() -> None:
    assert evidence_digest(["b#1", "a#2"]) == sha256(b"a#2\nb#1").hexdigest()
    assert evidence_digest([]) == sha256(b"").hexdigest()


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=6).flatmap(
        lambda ids: st.tuples(st.just(ids), st.permutations(ids))
    )
)
def test_the_order_of_evidence_does_not_matter(both: tuple[list[str], list[str]]) -> None:
    ids, shuffled = both
    assert evidence_digest(ids) == evidence_digest(shuffled)
    lines = sorted(each.encode() for each in {*ids})
    assert evidence_digest(ids) == sha256(b"\n".join(lines)).hexdigest(), "bytes and code points sort alike"


async def test_a_ready_verdict_promises_what_it_is_about() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer)
    await checkout.record(*SOLD)
    begun = await checkout.handlers.initiate(initiate(item("o-1", 2)), caller())
    validated = await checkout.handlers.validate(validate(begun.basket.id), caller())
    (promise,) = signer.signed
    assert validated.verdict.ready
    assert (promise.basket_id, promise.basket_version, promise.partner) == (begun.basket.id, 2, PARTNER)
    assert (str(promise.total), promise.currency) == ("20.00 GBP", "GBP")
    assert promise.evidence == evidence_digest(validated.verdict.evidence)
    assert (promise.issued_at, promise.expires_at) == (NOW, NOW + QUARTER)
    event = (await checkout.history(begun.basket.id))[-1]
    assert isinstance(event, BasketValidated)
    assert event.promise == validated.promise == "promise-1"


async def test_a_promise_names_the_currency_of_its_total_where_the_basket_names_none() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer)
    monthly: list[Fact] = [offer("o-2", product="SKU-2"), price("o-2", interval="P1M"), availability("SKU-2")]
    await checkout.record(*SOLD, *monthly)
    for offers in (["o-1"], ["o-1", "o-2"]):
        wanted = initiate(*map(item, offers), currency=None)
        begun = await checkout.handlers.initiate(wanted, caller())
        assert begun.basket.details.currency is None
        await checkout.handlers.validate(validate(begun.basket.id), caller())
    assert [(str(each.total), each.currency) for each in signer.signed] == [("10.00 GBP", "GBP"), ("None", None)]


async def test_a_verdict_that_is_not_ready_promises_nothing() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer)
    begun = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    validated = await checkout.handlers.validate(validate(begun.basket.id), caller())
    assert not validated.verdict.ready
    assert (signer.signed, validated.promise) == ([], None)


async def test_warnings_do_not_matter() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer, policy=CheckoutConfig(validation=PolicyTerms(low_stock=50)))
    await checkout.record(*SOLD)
    begun = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    validated = await checkout.handlers.validate(validate(begun.basket.id), caller())
    assert [finding.code for finding in validated.verdict.findings] == ["product_low_stock"]
    assert validated.promise == "promise-1"


async def test_without_a_signer_verdicts_promise_nothing() -> None:
    checkout = InMemoryCheckout()
    await checkout.record(*SOLD)
    begun = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    assert (await checkout.handlers.validate(validate(begun.basket.id), caller())).promise is None


async def test_a_cached_verdict_promises_from_now_on_for_as_long_as_it_is_valid() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer)
    await checkout.record(offer("o-1", on_sale_until=NOW + 20 * MINUTE), price("o-1"), availability("SKU-1"))
    begun = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    for _ in range(3):
        await checkout.handlers.validate(validate(begun.basket.id), caller())
        checkout.clock.advance(4 * MINUTE)
    assert [promise.issued_at - NOW for promise in signer.signed] == [0 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert [promise.expires_at - NOW for promise in signer.signed] == [15 * MINUTE, 19 * MINUTE, 20 * MINUTE]
    assert [promise.basket_version for promise in signer.signed] == [2, 3, 4]


async def test_the_revalidator_promises_too() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer)
    await checkout.record(*SOLD)
    begun = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    await checkout.record(availability("SKU-1", status="out_of_stock", sequence=2))
    await checkout.handlers.validate(validate(begun.basket.id), caller())
    await checkout.record(availability("SKU-1", sequence=3))
    assert await checkout.handlers.real.revalidate(begun.basket.id, {"product/SKU-1"}, caller())
    event = (await checkout.history(begun.basket.id))[-1]
    assert isinstance(event, BasketValidated)
    assert event.promise == "promise-1"


async def test_a_change_gets_a_promise_of_its_own_at_the_next_validation() -> None:
    signer = RecordingSigner()
    checkout = InMemoryCheckout(signer=signer)
    await checkout.record(*SOLD)
    begun = await checkout.handlers.initiate(initiate(item("o-1")), caller())
    await checkout.handlers.validate(validate(begun.basket.id), caller())
    (id,) = begun.basket.items
    await checkout.handlers.update(update(begun.basket.id, change(id, 3)), caller())
    await checkout.handlers.validate(validate(begun.basket.id), caller())
    assert [str(promise.total) for promise in signer.signed] == ["10.00 GBP", "30.00 GBP"]


@given(st.integers(0, 999_999), st.integers(-5 * 10**6, 2 * 10**9), st.integers(1, 1800))
def test_a_promise_lives_in_whole_seconds_and_never_longer_than_it_may(micro: int, ahead: int, seconds: int) -> None:
    now = NOW + timedelta(microseconds=micro)
    until, lifetime = now + timedelta(microseconds=ahead), timedelta(seconds=seconds)
    promise = make_promise(basket(line()), NOT_READY, now, until, lifetime)
    if until.replace(microsecond=0) <= now:
        assert promise is None
        return
    assert promise is not None
    assert (promise.issued_at.microsecond, promise.expires_at.microsecond) == (0, 0)
    assert promise.issued_at <= now < promise.expires_at <= until
    assert promise.expires_at <= promise.issued_at + lifetime
    assert promise.expires_at + SECOND > min(promise.issued_at + lifetime, until)


def test_a_basket_that_is_not_open_is_not_promised() -> None:
    expired = basket(line()).as_seen_at(NOW + LIFETIME)
    assert make_promise(expired, NOT_READY, NOW + LIFETIME, datetime.max.replace(tzinfo=UTC), QUARTER) is None
    expired = basket(line())
    expired.trigger_event(BasketExpired, timestamp=NOW)
    assert make_promise(expired, NOT_READY, NOW, NOW + QUARTER, QUARTER) is None


seconds_ahead = st.none() | st.integers(-100, 2000).map(
    lambda tenths: NOW + timedelta(seconds=tenths / 2, milliseconds=7)
)


@st.composite
def sold_facts(draw: st.DrawFn) -> list[Fact]:
    """Facts by which a basket of o-1 is ready more often than not, with ends and beginnings around NOW."""
    facts: list[Fact] = [
        offer("o-1", on_sale_until=draw(seconds_ahead)),
        price("o-1", "10.00", valid_until=draw(seconds_ahead)),
        availability("SKU-1"),
        policy(price_expires_within=draw(st.sampled_from([0, 60, 3600])), checks={"price_changed": "warning"}),
    ]
    begins = draw(seconds_ahead)
    if begins is not None:
        facts.append(price("o-1", "12.00", valid_from=begins, sequence=2))
    return facts


@given(sold_facts(), st.integers(0, 10**6), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5))
def test_no_verdict_changes_within_its_promise(facts: list[Fact], micro: int, moments: list[float]) -> None:
    given, known, now = basket(line()), catalogue(*facts), NOW + timedelta(microseconds=micro)
    context = build_context(given.as_seen_at(now), known, now, PolicyTerms())
    verdict = run_checks(context)
    promise = make_promise(given, verdict, now, context.validity[1], QUARTER)
    if promise is None:
        assert not verdict.ready or context.validity[1] < now + SECOND
        return
    for share in moments:
        moment = now + share * (promise.expires_at - now)
        again = run_checks(build_context(given.as_seen_at(moment), known, moment, PolicyTerms()))
        assert again == verdict
        assert evidence_digest(again.evidence) == promise.evidence
