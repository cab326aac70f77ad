"""The rules of verifying and repairing views, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.projection import BasketProjection
from domain.operators.audit import Operator
from domain.operators.verify.compare import differing_columns
from domain.operators.verify.repair import ViewRepairer
from domain.operators.verify.view_checks import check_view, fold_stream
from domain.operators.verify.view_verifier import ViewVerifier
from domain.ports.event_store import Append, NewEvent, StoredEvent
from domain.ports.messaging import DeadLetter
from domain.ports.read_models import BasketView
from domain.shared.values import MessageSource
from tests.builders import NOW, InMemoryCheckout, add, caller, initiate, item, money, offer, price, update, validate
from tests.builders.stored_events import decode_stored, fold_basket
from tests.fakes.basket_views import InMemoryBasketViews, InMemoryDeadLetters
from tests.fakes.read_model_audit import InMemoryReadModelAudit

ANN = Operator(actor="ann", way="api", reason="a test")


class VerifierBench:
    """A checkout in memory with its views, their verifier and their repairer."""

    def __init__(self) -> None:
        self.checkout = InMemoryCheckout()
        self.views = InMemoryBasketViews()
        self.derived = InMemoryReadModelAudit(self.checkout.store, self.views)
        self.letters = InMemoryDeadLetters()
        self.projection = BasketProjection(self.checkout.store, self.views)
        self.verification = ViewVerifier(self.checkout.store, self.views, self.derived, self.letters, recheck_after=0)
        self.repairing = ViewRepairer(self.verification, self.derived, self.checkout.clock, self.checkout.ids, grace=0)

    async def basket(self, external_id: str | None = None) -> Basket:
        handlers = self.checkout.handlers
        basket = (await handlers.initiate(initiate(item("o-1"), external_id=external_id), caller())).basket
        await self.projection.refold(basket.id)
        return basket

    async def change(self, basket: Basket) -> None:
        await self.checkout.handlers.update(update(basket.id, add("o-2")), caller())

    def spoil(self, basket: Basket, **columns: object) -> None:
        self.views.rows[basket.id] = replace(self.views.rows[basket.id], **columns)  # type: ignore[arg-type]

    async def kinds(self, *baskets: Basket) -> list[str]:
        verified = await self.verification.verify([basket.id for basket in baskets])
        return [found.kind for found in verified.inconsistencies]


@pytest.fixture
def bench() -> VerifierBench:
    return VerifierBench()


async def test_a_view_is_compared_with_the_fold_at_its_own_version(bench: VerifierBench) -> None:
    basket = await bench.basket()
    await bench.change(basket)
    verified = await bench.verification.verify([basket.id])
    assert (verified.inconsistencies, verified.lagging) == ([], {basket.id: 3})

    bench.spoil(basket, status="completed")
    assert await bench.kinds(basket) == ["view_differs"]


async def test_a_view_that_catches_up_in_time_is_consistent(bench: VerifierBench) -> None:
    basket = await bench.basket()
    await bench.change(basket)
    settling = asyncio.ensure_future(bench.verification.settle({basket.id: 3}, patience=30))
    await asyncio.sleep(0)
    await bench.projection.refold(basket.id)
    assert await settling == []


async def test_a_view_that_stays_behind_reports_whether_a_dead_letter_blocks_it(bench: VerifierBench) -> None:
    lags, parked, missing = [await bench.basket() for _ in range(3)]
    del bench.views.rows[missing.id]
    letter = DeadLetter(MessageSource("topic", 0, 1), None, None, (), "unreadable", "no JSON", parked.id)
    await bench.letters.record([letter])

    inconsistencies = await bench.verification.settle({lags.id: 5, parked.id: 5, missing.id: 2}, patience=0)

    assert {found.subject: (found.kind, found.parked, found.repairable) for found in inconsistencies} == {
        lags.id: ("view_behind", False, True),
        parked.id: ("view_behind", True, False),
        missing.id: ("view_missing", False, True),
    }


async def test_an_inconsistency_that_the_second_inspection_does_not_find_is_not_reported(
    bench: VerifierBench,
) -> None:
    basket = await bench.basket()
    right = bench.views.rows[basket.id]
    bench.spoil(basket, status="completed")
    patient = ViewVerifier(bench.checkout.store, bench.views, bench.derived, bench.letters, recheck_after=0.05)
    verifying = asyncio.ensure_future(patient.verify([basket.id]))
    await asyncio.sleep(0.02)
    bench.views.rows[basket.id] = right
    assert (await verifying).inconsistencies == []


async def test_a_claim_belongs_to_the_open_basket_with_that_external_id(bench: VerifierBench) -> None:
    basket, ended = await bench.basket("EXT-1"), await bench.basket("EXT-2")
    await bench.checkout.handlers.complete(ended.id, "order-1", caller())
    await bench.projection.refold(ended.id)
    assert await bench.kinds(basket, ended) == []

    claims = bench.checkout.store.claims
    claims["acme\x1fEXT-1"], claims["acme\x1fEXT-2"] = "basket-other", ended.id
    assert await bench.kinds(basket, ended) == ["claim_held_by_another", "claim_left_behind"]
    claims.clear()
    assert await bench.kinds(basket, ended) == ["claim_missing"]


async def test_a_repair_writes_what_the_events_give_and_records_the_operator_and_reason(
    bench: VerifierBench,
) -> None:
    spoilt, behind = await bench.basket("EXT-1"), await bench.basket()
    bench.spoil(spoilt, status="expired")
    bench.checkout.store.claims.clear()
    await bench.change(behind)
    inconsistencies = (await bench.verification.verify([spoilt.id, behind.id])).inconsistencies
    inconsistencies += await bench.verification.settle({behind.id: 3}, 0)

    repaired = await bench.repairing.repair(inconsistencies, ANN)

    assert repaired.repaired == {spoilt.id: {"view_differs", "claim_missing"}, behind.id: {"view_behind"}}
    assert repaired.remaining == []
    assert await bench.kinds(spoilt, behind) == []
    (action,) = bench.derived.actions
    assert (action.operator, action.type) == (ANN, "operations.views-repaired.v1")
    assert action.scope["baskets"] == {
        spoilt.id: ["claim_missing", "view_differs"],
        behind.id: ["view_behind"],
    }


async def test_a_view_written_from_a_wrong_row_is_repaired_again(bench: VerifierBench) -> None:
    basket = await bench.basket()
    bench.spoil(basket, snapshot=bench.views.rows[basket.id].snapshot.replace(b"GBP", b"EUR"))
    wrong = bench.views.rows[basket.id].snapshot
    (found,) = (await bench.verification.verify([basket.id])).inconsistencies
    slow = ViewRepairer(bench.verification, bench.derived, bench.checkout.clock, bench.checkout.ids, grace=0.05)
    repairing = asyncio.ensure_future(slow.repair([found], ANN))
    await asyncio.sleep(0.02)
    # The projector folds from the wrong row, whose version the repaired row has too.
    await bench.change(basket)
    held = bench.views.rows[basket.id]
    await bench.views.advance([(held.version, replace(held, version=3, snapshot=wrong))])

    repaired = await repairing

    assert (repaired.remaining, len(bench.derived.actions)) == ([], 2)
    assert await bench.kinds(basket) == []


async def test_a_stream_that_cannot_be_folded_is_not_repaired(bench: VerifierBench) -> None:
    broken = NewEvent("checkout.basket-initiated.v1", b'{"no":"basket"}', b"{}")
    await bench.checkout.store.append(Append("basket-broken", 0, [broken]))
    verified = await bench.verification.verify(["basket-broken"])
    assert [found.kind for found in verified.inconsistencies] == ["event_misplaced", "stream_unreadable"]
    assert verified.lagging == {}

    repaired = await bench.repairing.repair(verified.inconsistencies, ANN)
    assert (repaired.repaired, len(repaired.remaining), bench.derived.actions) == ({}, 2, [])


async def history(checkout: InMemoryCheckout) -> tuple[str, Sequence[StoredEvent]]:
    """A basket with events of most types."""
    await checkout.record(offer("o-1"), price("o-1"))
    command = initiate(item("o-1", 2, expected_price=money()), external_id="EXT-1", tracking={"a": [1, 2.5]})
    basket = (await checkout.handlers.initiate(command, caller())).basket
    await checkout.handlers.update(update(basket.id, add("o-2")), caller())
    await checkout.handlers.validate(validate(basket.id), caller())
    await checkout.handlers.complete(basket.id, "order-1", caller())
    return basket.id, await checkout.store.read_events(basket.id)


async def test_the_fold_at_each_version_equals_a_fold_of_the_events_up_to_it() -> None:
    basket_id, stored = await history(InMemoryCheckout())
    folded = fold_stream(basket_id, stored, frozenset(range(1, len(stored) + 1)))
    for version in range(1, len(stored) + 1):
        plain = fold_basket(decode_stored(stored[:version]))
        assert not differing_columns(to_view(folded.at[version]), to_view(plain))
    assert folded.inconsistencies == ()


async def test_views_are_equal_however_their_snapshots_are_written(bench: VerifierBench) -> None:
    view = to_view(await bench.basket())
    spaced = view.snapshot.replace(b'":', b'" : ').replace(b'"status" : "open",', b"")
    spaced = spaced[:-1] + b',"status":"open"}'
    assert spaced != view.snapshot
    assert differing_columns(replace(view, snapshot=spaced), view) == ()


CHANGES = st.sampled_from(
    [
        {"partner": "globex"},
        {"external_id": "EXT-9"},
        {"status": "completed"},
        {"created": NOW.replace(year=2020)},
        {"modified": NOW.replace(year=2020)},
        {"expires_at": NOW.replace(year=2020)},
        {"uses": frozenset({"offer/other"})},
        {"snapshot": b"no JSON"},
    ]
)


@given(st.lists(CHANGES, max_size=4))
def test_a_view_differs_in_exactly_the_changed_columns(changes: list[dict[str, object]]) -> None:
    from tests.builders import basket, line

    folded = basket(line())
    view = to_view(folded)
    changed = {name: value for change in changes for name, value in change.items()}
    spoilt: BasketView = replace(view, **changed)  # type: ignore[arg-type]
    assert set(differing_columns(spoilt, view)) == changed.keys()


@given(st.permutations(range(4)), st.sets(st.integers(0, 3)))
def test_a_stream_with_lost_or_reordered_events_is_inconsistent(order: list[int], lost: set[int]) -> None:
    _, stored = asyncio.run(history(InMemoryCheckout()))
    kept = [stored[at] for at in order if at not in lost]
    sound = [*stored[: len(kept)]] == kept
    assert (fold_stream(stored[0].stream_id, kept, frozenset()).inconsistencies == ()) == sound


def test_a_basket_without_events_and_view_is_consistent() -> None:
    nothing = fold_stream("basket-none", [], frozenset())
    assert (nothing.inconsistencies, check_view(None, nothing)) == ((), [])
