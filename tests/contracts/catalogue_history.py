"""The contract of every CatalogueHistory. The suite of an adapter subclasses it and provides the fixture `learning`:
an object that is both CatalogueFacts and CatalogueHistory of the same facts, or a pair of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from domain.catalogue.epochs import is_withdrawn
from domain.catalogue.facts import AvailabilityFact, Fact
from domain.ports.catalogue import CatalogueFacts, CatalogueHistory
from tests.builders import NOW, availability, offer, policy, price, ref
from tests.contracts.catalogue import GB, GLOBEX, arrivals, known_of, offer_of, sourced, tombstone, unique


@dataclass(frozen=True)
class Learning:
    """A recorder of facts, and their history."""

    facts: CatalogueFacts
    history: CatalogueHistory

    async def record(self, *facts: Fact) -> int:
        """Returns the position afterwards."""
        await self.facts.record(sourced(facts))
        return await self.history.position_at()


class CatalogueHistoryContract:
    async def test_the_catalogue_returns_the_position_of_its_read(self, learning: Learning) -> None:
        id = unique("o")
        before = await learning.history.position_at()
        position = await learning.record(offer(id))

        assert position > before
        assert (await learning.facts.catalogue([id], [], fresh=True)).position == position

    async def test_later_facts_are_not_known_at_an_earlier_position(self, learning: Learning) -> None:
        id, code = unique("o"), unique("SKU")
        before = await learning.record(offer(id, products=[code]), price(id, "1.00"), availability(code, quantity=9))
        await learning.record(
            offer(id, products=[code], status="withdrawn", sequence=2),
            price(id, "2.00", sequence=2),
            availability(code, status="blocked", sequence=2),
        )

        then = await learning.history.catalogue_as_of([id], [], before)

        assert then.offer(ref(id)) == offer(id, products=[code])
        assert then.price(ref(id), GB, NOW).current == price(id, "1.00")
        assert then.availability(code, GB, NOW) == availability(code, quantity=9)
        assert then.position == before

    async def test_a_late_older_fact_counts_from_its_arrival_and_overwrites_nothing(self, learning: Learning) -> None:
        id = unique("o")
        newer, older = price(id, "2.00", sequence=2), price(id, "1.00", sequence=1)
        nothing = await learning.history.position_at()
        first = await learning.record(newer)
        second = await learning.record(older)

        async def known_at(position: int) -> object:
            catalogue = await learning.history.catalogue_as_of([id], [], position)
            return catalogue.price(ref(id), GB, NOW).current

        assert [await known_at(at) for at in (nothing, first, second)] == [None, newer, newer]

    async def test_a_withdrawn_fact_is_known_before_its_withdrawal_and_after_it_is_published_again(
        self, learning: Learning
    ) -> None:
        id, code, partner = unique("o"), unique("SKU"), unique("partner")
        said: list[Fact] = [
            offer(id, products=[code]),
            price(id, "1.00", sequence=5),
            availability(code, quantity=9),
            policy(partner, maximum_lines=3, sequence=1),
        ]

        async def known_at(position: int) -> Sequence[object]:
            catalogue = await learning.history.catalogue_as_of([id], [code], position, partner)
            offered, current = catalogue.offer(ref(id)), catalogue.price(ref(id), GB, NOW).current
            return (
                offered and offered.status,
                current and str(current.amount),
                catalogue.availability(code, GB, NOW),
                [fact.maximum_lines for fact in catalogue.policies(partner) if fact.partner == partner],
            )

        before = await learning.record(*said)
        await learning.facts.record([tombstone(fact.kind, fact.subject) for fact in said])
        withdrawn = await learning.history.position_at()
        again = await learning.record(offer(id, products=[code]), price(id, "2.00", sequence=0))

        assert await known_at(before) == ("published", "1.00", said[2], [3])
        assert await known_at(withdrawn) == ("withdrawn", None, None, [])
        assert await known_at(again) == ("published", "2.00", None, [])

    async def test_prices_of_partners_and_periods_of_availability_are_those_known_then(
        self, learning: Learning
    ) -> None:
        id, code = unique("o"), unique("SKU")
        always, general = availability(code), price(id, "10.00")
        recall, own = availability(code, status="blocked", valid_from=NOW, sequence=2), price(id, "8", partner="globex")
        first = await learning.record(offer(id, products=[code], each_product=3), always, general)
        second = await learning.record(recall, own)
        await learning.facts.record([tombstone("availability", recall.subject), tombstone("price", own.subject)])

        async def known_at(position: int) -> Sequence[object]:
            catalogue = await learning.history.catalogue_as_of([id], [], position)
            return (
                catalogue.price(ref(id), GB, NOW).current,
                catalogue.price(ref(id), GLOBEX, NOW).current,
                catalogue.availability(code, GB, NOW),
                catalogue.availability(code, GB, NOW - timedelta(seconds=1)),
            )

        assert await known_at(first) == (general, general, always, always)
        assert await known_at(second) == (general, own, recall, always)
        assert await known_at(await learning.history.position_at()) == (general, general, always, always)

    async def test_a_withdrawal_is_recorded_like_a_fact_and_changes_no_fact(self, learning: Learning) -> None:
        said = price(unique("o"))
        before = await learning.record(said)
        await learning.facts.record([tombstone("price", said.subject)])

        [(_, withdrawal)] = await learning.history.recorded_after(before, 10)

        assert is_withdrawn(withdrawal)
        assert (withdrawal.subject, withdrawal.kind) == (said.subject, said.kind)
        assert withdrawal.fact_id != said.fact_id
        assert [*await learning.history.recorded_facts([said.fact_id])] == [said]
        assert [*await learning.history.recorded_facts([withdrawal.fact_id])] == [withdrawal]

    async def test_a_contradiction_was_never_known(self, learning: Learning) -> None:
        id = unique("o")
        first = await learning.record(price(id, "1.00"))
        second = await learning.record(price(id, "9.00"))

        assert second == first
        assert await learning.history.recorded_facts([price(id).fact_id]) == [price(id, "1.00")]

    async def test_policies_are_those_known_then(self, learning: Learning) -> None:
        partner = unique("partner")
        before = await learning.record(policy(partner, maximum_lines=3), policy(f"{partner}0"))
        await learning.record(policy(partner, maximum_lines=9, sequence=2))

        then = await learning.history.catalogue_as_of([], [], before, partner)
        without = await learning.history.catalogue_as_of([], [], before)

        assert [fact.maximum_lines for fact in then.policies(partner) if fact.partner == partner] == [3]
        assert without.policies(partner) == ()

    async def test_products_are_known_without_their_offer(self, learning: Learning) -> None:
        code = unique("SKU")
        position = await learning.record(availability(code, quantity=3))

        then = await learning.history.catalogue_as_of([], [code], position)

        assert then.availability(code, GB, NOW) == availability(code, quantity=3)

    async def test_an_offer_id_that_is_a_prefix_of_another_is_separate(self, learning: Learning) -> None:
        mark = unique("o")
        names = [mark, f"{mark}/x", f"{mark}0", f"{mark}%2F", f"{mark}é"]
        position = await learning.record(*(offer(name) for name in names))

        for name in names:
            then = await learning.history.catalogue_as_of([name], [], position)
            assert [fact.id for fact in then.offers()] == [name]

    async def test_facts_are_read_in_the_order_of_recording(self, learning: Learning) -> None:
        start = await learning.history.position_at()
        said = [price(unique("o")) for _ in range(5)]
        for fact in said:
            await learning.record(fact)

        read: list[Fact] = []
        position = start
        while page := await learning.history.recorded_after(position, 2):
            assert len(page) <= 2
            read += [fact for _, fact in page]
            position = page[-1][0]

        assert read == said
        assert position == await learning.history.position_at()

    async def test_a_fact_has_a_time_of_recording(self, learning: Learning) -> None:
        position = await learning.record(price(unique("o")))

        assert await learning.history.position_at(NOW + timedelta(days=365_000)) == position
        assert await learning.history.position_at(NOW - timedelta(days=365_000)) == 0

    async def test_offers_are_found_by_their_current_products(self, learning: Learning) -> None:
        id, before, after = unique("o"), unique("SKU"), unique("SKU")
        await learning.record(offer(id, products=[before]))
        assert set(await learning.history.offers_made_of([before, unique("SKU")])) == {id}

        await learning.record(offer(id, products=[after], sequence=2))

        assert set(await learning.history.offers_made_of([before])) == set()
        assert set(await learning.history.offers_made_of([after])) == {id}

    @settings(
        max_examples=30,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(arrivals())
    async def test_facts_known_at_a_position_are_those_known_when_it_was_the_last(
        self, learning: Learning, arrival: tuple[list[Fact], list[list[Fact]]]
    ) -> None:
        said, batches = arrival
        offer_ids = {offer_of(fact) for fact in said}
        codes = {fact.product_code for fact in said if isinstance(fact, AvailabilityFact)}
        seen: list[tuple[int, list[Sequence[Fact | None]]]] = []
        for batch in batches:
            position = await learning.record(*batch)
            catalogue = await learning.facts.catalogue(offer_ids, codes, fresh=True)
            seen.append((position, [known_of(catalogue, id, codes) for id in offer_ids]))

        for position, known in seen:
            then = await learning.history.catalogue_as_of(offer_ids, codes, position)
            assert [known_of(then, id, codes) for id in offer_ids] == known
