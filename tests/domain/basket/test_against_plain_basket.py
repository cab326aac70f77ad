"""Random commands on a basket and on a plain dictionary give the same."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.codec import decode_all, encode
from domain.basket.commands import (
    AddItem,
    ChangeQuantity,
    ClearItems,
    ExpectPrice,
    RemoveItem,
    RequestedItem,
    SwapItem,
    UpdateDetails,
)
from domain.basket.decision import BasketLimits, DecisionContext
from domain.basket.reconcile import reconcile
from domain.basket.snapshot import BasketSnapshot, restore
from domain.basket.update import apply_actions
from domain.shared.errors import InvalidCommand
from domain.shared.eventsourcing import fold
from domain.shared.money import ExpectedPrice
from tests.builders import (
    NOW,
    SequentialIds,
    basket_id,
    catalogue,
    details,
    expected,
    item_id,
    money,
    offer,
    price,
    ref,
)
from tests.domain.basket.plain_basket import Lines, PlainLine, PlainRefusal, ordered, updated

LIMITS = BasketLimits(max_quantity=6, max_items=4)
KNOWN = catalogue(
    offer("o-1"),
    price("o-1", "9.99"),
    offer("o-2"),
    price("o-2", "0.0001"),
    offer("a-1", add_on_to=["o-1"]),
    price("a-1", "3.5"),
)
CARRIED_BY = {"o-1@v-1": (), "o-2@v-1": (), "a-1@v-1": ("o-1",)}
OWN_IDS = [item_id(900_000 + number) for number in range(3)]
ID_STEP = 1_000

offers = st.sampled_from(["o-1", "o-2", "a-1", "o-unknown"]).map(ref)
types = st.sampled_from([None, "offer", "offer", "add_on"])
quantities = st.integers(min_value=-1, max_value=LIMITS.max_quantity + 1)


class BasketMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.basket = Basket.initiate(id=basket_id(), partner="acme", details=details(), now=NOW, expires_at=NOW)
        self.stored = [encode(event) for event in self.basket.collect()]
        self.plain: Lines = {}
        self.ids = 0

    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        action = st.one_of(
            self._items().map(AddItem),
            self._known_ids().map(RemoveItem),
            st.builds(ChangeQuantity, self._known_ids(), quantities),
            st.builds(SwapItem, self._known_ids(), offers, st.none() | st.integers(1, LIMITS.max_quantity + 1)),
            st.builds(
                ExpectPrice, self._known_ids(), st.sampled_from([expected(money("9.99")), ExpectedPrice.of(money("3"))])
            ),
            st.just(UpdateDetails({"source": "shop"})),
            st.just(ClearItems()),
        )
        actions = tuple(data.draw(st.lists(action, max_size=6), label="actions"))

        def act(deciding: DecisionContext) -> None:
            results = apply_actions(deciding, actions)
            for index, (result, asked) in enumerate(zip(results, actions, strict=True)):
                assert (result.index, result.kind) == (index, asked.kind)

        self._carry_out(act, lambda new_id: updated(self.plain, actions, LIMITS, new_id, CARRIED_BY))

    @rule(data=st.data())
    def bring(self, data: st.DataObject) -> None:
        items = tuple(data.draw(st.lists(self._items(), max_size=6), label="items"))
        self._carry_out(
            lambda deciding: reconcile(deciding, details(), items),
            lambda new_id: ordered(self.plain, items, LIMITS, new_id),
        )

    def _carry_out(
        self, decide: Callable[[DecisionContext], None], plainly: Callable[[Callable[[], str]], Lines]
    ) -> None:
        """Both do the same, or both refuse. The loaded basket stays as it was."""
        self.ids += ID_STEP
        before = restore(to_json(BasketSnapshot.take(self.basket)))
        fork = self.basket.fork()
        deciding = DecisionContext(
            fork,
            KNOWN,
            SequentialIds(self.ids),
            NOW,
            LIMITS,
        )
        try:
            wanted = plainly(SequentialIds(self.ids + ID_STEP // 2))
        except PlainRefusal:
            event("refused")
            with pytest.raises(InvalidCommand):
                decide(deciding)
            assert self.basket == before
            return
        event("carried out")
        decide(deciding)
        assert self.basket == before
        self.stored += [encode(event) for event in fork.collect()]
        self.basket = fork
        self._require_same(wanted)
        self.plain = self._plainly()

    def _require_same(self, wanted: Lines) -> None:
        """The same lines. Each side makes its own new ids, so a parent is known by its offer."""
        assert sorted(_told(self._plainly())) == sorted(_told(wanted))
        new = item_id(self.ids)
        kept = {id for id in wanted if id < new or id in OWN_IDS}
        assert kept <= self.basket.items.keys()

    def _plainly(self) -> Lines:
        return {
            line.id: PlainLine(str(line.offer), line.type, line.parent_id, line.quantity)
            for line in self.basket.items.values()
        }

    def _known_ids(self) -> st.SearchStrategy[str]:
        return st.sampled_from([*self.plain, *OWN_IDS, "nobody's"])

    def _items(self) -> st.SearchStrategy[RequestedItem]:
        return st.builds(
            RequestedItem,
            offer=offers,
            quantity=st.integers(min_value=1, max_value=3) | quantities,
            id=st.none() | st.sampled_from(OWN_IDS) | self._known_ids(),
            type=types,
            parent_id=st.none() | st.none() | self._known_ids(),
        )

    @invariant()
    def every_line_keeps_to_the_limits(self) -> None:
        if hasattr(self, "basket"):
            lines = self.basket.items
            assert len(lines) <= LIMITS.max_items
            for id, line in lines.items():
                assert (id, 1 <= line.quantity <= LIMITS.max_quantity) == (line.id, True)

    @invariant()
    def no_add_on_is_left_without_its_offer(self) -> None:
        if hasattr(self, "basket"):
            for line in self.basket.items.values():
                assert line.parent_id is None or self.basket.items[line.parent_id].type == "offer"

    @invariant()
    def what_is_stored_folds_to_the_basket_in_memory(self) -> None:
        if hasattr(self, "basket"):
            folded = fold(None, decode_all(b"[" + b",".join(self.stored) + b"]"))
            assert isinstance(folded, Basket)
            assert folded == self.basket
            assert list(self.basket.items) == list(folded.items)
            assert self.basket.version == len(self.stored)

    @invariant()
    def totals_are_exact(self) -> None:
        if hasattr(self, "basket") and self.basket.items:
            prices = [line.price for line in self.basket.items.values()]
            told = self.basket.total
            if None in prices:
                assert told is None
                return
            assert told is not None
            assert Fraction(told.amount) == sum(
                Fraction(line.price.amount) * line.quantity for line in self.basket.items.values() if line.price
            )


def _told(lines: Lines) -> list[tuple[str, str, str, int]]:
    return [
        (line.offer, line.type, lines[line.parent].offer if line.parent else "", line.quantity)
        for line in lines.values()
    ]


TestBasketMachine = BasketMachine.TestCase
TestBasketMachine.settings = settings(max_examples=150, stateful_step_count=12)
