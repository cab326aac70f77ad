"""What every CatalogueFacts promises. A suite for an adapter subclasses it and brings the fixture `facts`."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.memory.catalogue import MemoryCatalogueFacts
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import Said
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports import CatalogueFacts, Source
from domain.values import Market, OfferRef
from tests.builders import NOW, availability, offer, policy, price, ref

GB = Market(partner="northwind", country="GB", currency="GBP")

_offsets = itertools.count()


def sourced(facts: Iterable[Fact], key: str | None = None) -> Sequence[Said]:
    """Messages that say these facts; under their names where no key is given."""
    return [
        Said(fact, Source("catalogue.offers.v1", 0, next(_offsets)), (key or fact.subject).encode())
        for fact in facts
    ]


def offer_of(fact: Fact) -> str:
    """The offer, or product, that a fact is about."""
    match fact:
        case OfferFact():
            return fact.id
        case PriceFact():
            return fact.offer_id
        case AvailabilityFact():
            return fact.product_code
        case PolicyFact():
            return fact.subject


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:12]}"


def known_of(catalogue: Catalogue, offer_id: str, codes: Iterable[str]) -> Sequence[Fact | None]:
    """Everything that judging a basket could look at."""
    refs = [OfferRef(id=offer_id, version=version) for version in VERSIONS]
    markets = [Market(partner="northwind", country=country, currency="GBP") for country in (*COUNTRIES, None)]
    moments = [NOW, NOW + timedelta(days=2)]
    return [
        *(catalogue.offer(ref) for ref in refs),
        *(catalogue.successor(ref) for ref in refs),
        *(catalogue.price(ref, market, at).fact for ref in refs for market in markets for at in moments),
        *(catalogue.availability(code, market) for code in codes for market in markets),
    ]


VERSIONS = ("v-1", "v-2")
COUNTRIES = ("GB", "FR")
PRODUCTS = ("red", "green")

sequences = st.integers(min_value=0, max_value=4)
countries = st.sampled_from((*COUNTRIES, None))


@st.composite
def some_facts(draw: st.DrawFn) -> list[Fact]:
    """Facts about one offer and two products; no two of them bear one id."""
    mark = unique("")
    said_offers = st.builds(
        lambda version, sequence, codes: offer(
            f"o{mark}@{version}", sequence=sequence, products=[f"{code}{mark}" for code in codes]
        ),
        st.sampled_from(VERSIONS),
        sequences,
        st.lists(st.sampled_from(PRODUCTS), unique=True),
    )
    said_prices = st.builds(
        lambda country, pence, start, sequence: price(
            f"o{mark}", f"1.{pence:02}", sequence=sequence, country=country, validFrom=start
        ),
        countries,
        st.integers(0, 99),
        st.sampled_from((None, NOW, NOW + timedelta(days=1))),
        sequences,
    )
    said_availability = st.builds(
        lambda code, quantity, sequence: availability(f"{code}{mark}", quantity=quantity, sequence=sequence),
        st.sampled_from(PRODUCTS),
        st.integers(0, 9),
        sequences,
    )
    facts: list[Fact] = draw(
        st.lists(
            st.one_of(said_offers, said_prices, said_availability),
            unique_by=lambda fact: fact.fact_id,
            max_size=12,
        )
    )
    return facts


START = NOW - timedelta(hours=2)
MOMENTS = [START + timedelta(hours=hours, seconds=-seconds) for hours in range(-1, 6) for seconds in (0, 30)]


@st.composite
def weekly_prices(draw: st.DrawFn) -> list[Fact]:
    """Prices of one offer that follow each other, overlap, leave gaps, or never hold at all."""
    id = unique("o")
    hours = st.one_of(st.none(), st.integers(0, 4).map(lambda hour: START + timedelta(hours=hour)))
    said = st.builds(
        lambda pence, country, currency, sequence, begins, ends: price(
            id,
            f"1.{pence:02}",
            currency,
            country=country,
            sequence=sequence,
            validFrom=begins,
            validUntil=ends,
        ),
        st.integers(0, 99),
        countries,
        st.sampled_from(("GBP", "EUR")),
        sequences,
        hours,
        hours,
    )
    return draw(st.lists(said, unique_by=lambda fact: fact.fact_id, min_size=1, max_size=10))


def prices_at(catalogue: Catalogue, offer_id: str, at: datetime) -> Sequence[object]:
    """What is said of a moment, of the minute after it, and of the end of the price that holds."""
    answers: list[object] = []
    for country, currency in itertools.product((*COUNTRIES, None), ("GBP", "EUR", None)):
        market = Market(partner="northwind", country=country, currency=currency)
        for moment in (at, at + timedelta(seconds=59)):
            answer = catalogue.price(ref(offer_id), market, moment)
            answers.append(answer)
            if answer.current is not None and answer.current.valid_until is not None:
                answers.append(catalogue.price(ref(offer_id), market, answer.current.valid_until).current)
    return answers


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Fact], list[list[Fact]]]:
    """Facts as they were said, and as they arrive: in any order, in batches, some more than once."""
    said = draw(some_facts())
    repeated = draw(st.lists(st.sampled_from(said), max_size=4)) if said else []
    order = draw(st.permutations([*said, *repeated]))
    cuts = sorted(draw(st.sets(st.integers(0, len(order)), max_size=3)))
    edges = [0, *cuts, len(order)]
    return said, [list(order[start:end]) for start, end in itertools.pairwise(edges)]


class CatalogueFactsContract:
    async def test_what_was_learned_is_known(self, facts: CatalogueFacts) -> None:
        id, code = unique("o"), unique("SKU")
        learned: list[Fact] = [offer(id, products=[code]), price(id), availability(code)]

        outcome = await facts.learn(sourced(learned))

        catalogue = await facts.catalogue([id], [], fresh=True)
        named = ref(id)
        assert (outcome.new, outcome.known, outcome.contradicts) == (3, 0, ())
        assert [
            catalogue.offer(named),
            catalogue.price(named, GB, NOW).current,
            catalogue.availability(code, GB),
        ] == learned

    async def test_what_nobody_said_is_not_known(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        for fresh in (True, False):
            catalogue = await facts.catalogue([id], [id], fresh=fresh)
            assert catalogue.offer(ref(id)) is None
            assert catalogue.availability(id, GB) is None

    async def test_the_policies_of_an_organisation_and_of_all_are_known(self, facts: CatalogueFacts) -> None:
        own, others = unique("partner"), unique("partner")
        # The policy of all is one for all tests of this store.
        common = policy(None, maximum_lines=7, sequence=next(_offsets))
        said = policy(own, checks={"price_changed": "off"}, sequence=2)
        await facts.learn(sourced([common, said, policy(others)]))

        late = await facts.learn(sourced([policy(own, sequence=1)]))

        assert late.new == 1
        assert (await facts.catalogue([], [], fresh=True, partner=own)).policies(own) == (said, common)
        assert (await facts.catalogue([], [], fresh=False, partner=own)).policies(own) == (said, common)
        nobodys = unique("partner")
        assert (await facts.catalogue([], [], fresh=True, partner=nobodys)).policies(nobodys) == (common,)
        assert (await facts.catalogue([unique("o")], [], fresh=False)).policies(own) == ()

    async def test_no_facts_are_learned_as_none(self, facts: CatalogueFacts) -> None:
        assert (await facts.learn([])).new == 0

    async def test_products_are_known_without_their_offer(self, facts: CatalogueFacts) -> None:
        code = unique("SKU")
        await facts.learn(sourced([availability(code, quantity=3)]))

        catalogue = await facts.catalogue([], [code], fresh=True)

        assert catalogue.availability(code, GB) == availability(code, quantity=3)

    async def test_every_version_of_an_offer_is_known(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        older, newer = offer(id, sequence=1), offer(f"{id}@v-2", sequence=2)
        await facts.learn(sourced([newer, older]))

        catalogue = await facts.catalogue([id], [], fresh=True)

        assert catalogue.offer(ref(id)) == older
        assert catalogue.successor(ref(id)) == newer

    async def test_a_fact_that_comes_again_is_known_already(self, facts: CatalogueFacts) -> None:
        said = offer(unique("o"))
        await facts.learn(sourced([said]))

        again = await facts.learn(sourced([said, said]))

        assert (again.new, again.known, again.contradicts) == (0, 2, ())

    async def test_the_same_said_in_other_digits_is_known_already(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        await facts.learn(sourced([price(id, "10.00")]))

        again = await facts.learn(sourced([price(id, "10.0")]))

        assert (again.new, again.known) == (0, 1)

    async def test_another_content_under_one_id_contradicts_and_changes_nothing(
        self, facts: CatalogueFacts
    ) -> None:
        id = unique("o")
        first, other = price(id, "10.00"), price(id, "11.00")
        await facts.learn(sourced([first]))

        outcome = await facts.learn(sourced([other, first]))

        catalogue = await facts.catalogue([id], [], fresh=True)
        assert (outcome.new, outcome.known, outcome.contradicts) == (0, 1, (other,))
        assert catalogue.price(ref(id), GB, NOW).current == first

    async def test_of_two_contents_in_one_batch_the_first_stands(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        first, other = price(id, "10.00"), price(id, "11.00")

        outcome = await facts.learn(sourced([first, other, first]))

        assert (outcome.new, outcome.known, outcome.contradicts) == (1, 1, (other,))

    async def test_a_late_older_fact_overwrites_nothing(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        newer, older = price(id, "2.00", sequence=2), price(id, "1.00", sequence=1)
        await facts.learn(sourced([newer]))

        outcome = await facts.learn(sourced([older]))

        catalogue = await facts.catalogue([id], [], fresh=True)
        assert outcome.new == 1
        assert catalogue.price(ref(id), GB, NOW).current == newer

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(weekly_prices())
    async def test_asked_for_a_moment_nothing_is_missing_that_counts_then(
        self, facts: CatalogueFacts, said: list[Fact]
    ) -> None:
        plain = MemoryCatalogueFacts()
        await plain.learn(sourced(said))
        await facts.learn(sourced(said))
        offer_ids = {fact.offer_id for fact in said if isinstance(fact, PriceFact)}
        everything = await plain.catalogue(offer_ids, [], fresh=True)
        for at in MOMENTS:
            for fresh in (True, False):
                catalogue = await facts.catalogue(offer_ids, [], fresh=fresh, at=at)
                for offer_id in offer_ids:
                    assert prices_at(catalogue, offer_id, at) == prices_at(everything, offer_id, at)

    # Facts of an example have names of their own: the examples may share the store, and the suites the rule.
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(arrivals())
    async def test_what_is_known_does_not_depend_on_the_order_of_arrival(
        self, facts: CatalogueFacts, arrival: tuple[list[Fact], list[list[Fact]]]
    ) -> None:
        said, batches = arrival
        plain = MemoryCatalogueFacts()
        offer_ids = {offer_of(fact) for fact in said}
        codes = {fact.product_code for fact in said if isinstance(fact, AvailabilityFact)}
        outcomes = []
        for batch in batches:
            await plain.learn(sourced(batch))
            outcomes.append(await facts.learn(sourced(batch)))
            expected = await plain.catalogue(offer_ids, codes, fresh=True)
            actual = await facts.catalogue(offer_ids, codes, fresh=True)
            for offer_id in offer_ids:
                assert known_of(actual, offer_id, codes) == known_of(expected, offer_id, codes)
        assert sum(outcome.new for outcome in outcomes) == len(said)
        assert not any(outcome.contradicts for outcome in outcomes)
