"""The contract of every ReadModelAudit and ReadModelRepair on one store and its views. The suite of an adapter subclasses it
and provides the fixture `derived`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.projection import BasketProjection
from domain.operators.audit import Operator, OperatorAction
from domain.operators.verify.repair import ReadModelRepair, Repair
from domain.operators.verify.view_verifier import ReadModelAudit
from domain.ports.event_store import EventStore
from domain.ports.read_models import BasketView, BasketViews
from tests.builders import NOW, caller, initiate, item
from tests.builders.direct_handlers import DirectHandlers

ANN = Operator(actor="ann", way="command-line", reason="a test")


@dataclass
class AuditedStore:
    """The adapters under test, on a store with baskets."""

    rows: ReadModelAudit
    repair: ReadModelRepair
    store: EventStore
    views: BasketViews
    handlers: DirectHandlers
    actions: Callable[[], object]

    async def basket(self, partner: str = "acme", external_id: str | None = None, *, viewed: bool = True) -> Basket:
        command = initiate(item("o-1"), external_id=external_id)
        basket = (await self.handlers.initiate(command, caller(partner))).basket
        if viewed:
            await BasketProjection(self.store, self.views).refold(basket.id)
        return basket


def repair_of(view: BasketView, seen_version: int, **values: object) -> Repair:
    given: dict[str, object] = {"basket_id": view.basket_id, "seen_version": seen_version, "view": view}
    return Repair(**{**given, "stream_version": view.version, **values})  # type: ignore[arg-type]


def action_of(repaired: Collection[str]) -> OperatorAction:
    return OperatorAction(
        id=str(uuid4()),
        type="operations.views-repaired.v1",
        operator=ANN,
        scope={"baskets": [*sorted(repaired)]},
        occurred_at=NOW,
    )


class ReadModelAuditContract:
    async def actions(self, derived: AuditedStore) -> Sequence[OperatorAction]:
        raise NotImplementedError

    async def test_a_stored_read_model_is_the_view_without_snapshot_and_the_references(
        self, derived: AuditedStore
    ) -> None:
        basket = await derived.basket()
        await derived.basket(viewed=False)
        wanted = to_view(basket)
        held = await derived.rows.held([basket.id, "basket-none"])
        assert held.keys() == {basket.id}
        assert held[basket.id].view == replace(wanted, snapshot=b"", uses=None)
        assert held[basket.id].uses == wanted.uses

    async def test_pages_contain_each_basket_with_an_event_or_a_view_once_in_order(self, derived: AuditedStore) -> None:
        baskets = [await derived.basket() for _ in range(4)]
        unseen = await derived.basket(viewed=False)
        orphan = replace(to_view(baskets[0]), basket_id="basket-zzz")
        await derived.views.advance([(0, orphan)])

        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page, after = await derived.rows.basket_ids(after, 2, None)
            found += page

        assert found == sorted([*(basket.id for basket in baskets), unseen.id, "basket-zzz"])
        assert await derived.rows.count() >= 4

    async def test_baskets_of_an_organisation_are_found_by_an_event_or_a_view(self, derived: AuditedStore) -> None:
        theirs, taken, lost = [await derived.basket(partner) for partner in ("globex", "acme", "globex")]
        await derived.basket("acme")
        await derived.repair.repair([repair_of(replace(to_view(taken), partner="globex"), 2)], action_of)
        await derived.repair.repair([repair_of(replace(to_view(lost), partner="acme"), 2)], action_of)

        ids, last = await derived.rows.basket_ids("", 10, "globex")

        assert set(ids) == {theirs.id, taken.id, lost.id}
        assert last is not None
        assert set(await derived.rows.some_basket_ids(10, "globex")) == {theirs.id, taken.id, lost.id}

    async def test_a_random_sample_does_not_depend_on_the_number_of_events(self, derived: AuditedStore) -> None:
        baskets = [await derived.basket(viewed=False) for _ in range(3)]
        for number in range(20):
            await derived.handlers.initiate(initiate(item("o-1", number + 2), checkout_id=baskets[0].id), caller())
        drawn: Counter[str] = Counter()
        for _ in range(150):
            drawn.update(await derived.rows.some_basket_ids(1, None))
        # In 150 draws each of three is expected 50 times; weighted by events the first would come 130 times.
        assert all(20 < drawn[basket.id] < 85 for basket in baskets)

    async def test_claims_without_a_matching_view_are_reported(self, derived: AuditedStore) -> None:
        await derived.basket(external_id="EXT-1")
        unseen = await derived.basket(external_id="EXT-2", viewed=False)
        unlike, last = await derived.rows.mismatched_claims("", 10)
        assert [*unlike] == [("acme\x1fEXT-2", unseen.id)]
        assert await derived.rows.mismatched_claims(last or "", 10) == ([], None)

    async def test_the_last_position_was_drawn(self, derived: AuditedStore) -> None:
        await derived.basket()
        last, drawn = await derived.rows.positions()
        assert 0 < last <= drawn

    async def test_a_repair_writes_the_view_even_at_the_same_version(self, derived: AuditedStore) -> None:
        basket = await derived.basket()
        wanted = to_view(basket)
        wrong = replace(wanted, status="expired", uses=frozenset())
        await derived.repair.repair([repair_of(wrong, wanted.version)], action_of)
        assert (await derived.rows.held([basket.id]))[basket.id].uses == frozenset()

        assert set(await derived.repair.repair([repair_of(wanted, wanted.version)], action_of)) == {basket.id}

        held = (await derived.rows.held([basket.id]))[basket.id]
        assert (held.view, held.uses) == (replace(wanted, snapshot=b"", uses=None), wanted.uses)
        assert await derived.views.snapshots([basket.id]) == {basket.id: wanted.snapshot}
        assert [action.scope for action in await self.actions(derived)] == [{"baskets": [basket.id]}] * 2

    async def test_a_view_that_moved_meanwhile_is_left_alone_and_nothing_is_action_of(
        self, derived: AuditedStore
    ) -> None:
        basket = await derived.basket()
        for seen in (0, 1, 3):
            assert not await derived.repair.repair([repair_of(to_view(basket), seen)], action_of)
        assert await self.actions(derived) == []

    async def test_a_repair_creates_a_missing_view_and_removes_one_without_a_basket(
        self, derived: AuditedStore
    ) -> None:
        basket = await derived.basket(viewed=False)
        orphan = replace(to_view(basket), basket_id="basket-zzz")
        await derived.views.advance([(0, orphan)])
        gone = Repair("basket-zzz", basket.version, view=None, stream_version=0)

        repaired = await derived.repair.repair([repair_of(to_view(basket), 0), gone], action_of)

        assert set(repaired) == {basket.id, "basket-zzz"}
        assert (await derived.rows.held([basket.id, "basket-zzz"])).keys() == {basket.id}

    async def test_claims_are_repaired_unless_the_basket_changed_or_another_holds_them(
        self, derived: AuditedStore
    ) -> None:
        basket, other = [await derived.basket(external_id=f"EXT-{number}") for number in (1, 2)]
        view, version = to_view(basket), basket.version

        async def holders() -> list[str | None]:
            return [await derived.store.find_claim(f"acme\x1fEXT-{number}") for number in (1, 2, 3)]

        went_on = repair_of(view, version, claims=True, claim="acme\x1fEXT-3", stream_version=version + 1)
        await derived.repair.repair([went_on], action_of)
        assert await holders() == [basket.id, other.id, None]
        await derived.repair.repair([repair_of(view, version, claims=True, claim="acme\x1fEXT-3")], action_of)
        assert await holders() == [None, other.id, basket.id]
        await derived.repair.repair([repair_of(view, version, claims=True, claim="acme\x1fEXT-2")], action_of)
        assert await holders() == [None, other.id, None]
