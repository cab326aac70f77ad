"""The contract of every CatalogueFacts. The suite of an adapter subclasses it and provides the fixture `facts`."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage, FactMessage, Tombstone
from domain.catalogue.facts import AvailabilityFact, Fact, FactKind, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports.catalogue import CatalogueFacts
from domain.shared.values import Market, MessageSource, OfferRef
from tests.builders import NOW, availability, offer, policy, price, ref
from tests.fakes.catalogue import InMemoryCatalogue

GB = Market(partner="northwind", country="GB", currency="GBP")
GLOBEX = Market(partner="globex", country="GB", currency="GBP")

_offsets = itertools.count()


def sourced(facts: Iterable[Fact], key: str | None = None) -> Sequence[FactMessage]:
    """Messages with these facts; the default key is the fact's name."""
    return [
        FactMessage(fact, MessageSource("catalogue.offers.v1", 0, next(_offsets)), (key or fact.subject).encode())
        for fact in facts
    ]


def offer_of(fact: Fact) -> str:
    """The offer or product that a fact is about."""
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
    """Everything that validation could read."""
    refs = [OfferRef(id=offer_id, version=version) for version in VERSIONS]
    markets = [Market(partner="initech", country=country, currency="GBP") for country in (*COUNTRIES, None)]
    moments = [NOW, NOW + timedelta(days=2)]
    partners = [market.model_copy(update={"partner": partner}) for market in markets for partner in PARTNERS]
    return [
        *(catalogue.offer(ref) for ref in refs),
        *(catalogue.successor(ref) for ref in refs),
        *(catalogue.price(ref, market, at).fact for ref in refs for market in partners for at in moments),
        *(catalogue.availability(code, market, at) for code in codes for market in partners for at in moments),
    ]


VERSIONS = ("v-1", "v-2")
COUNTRIES = ("GB", "FR")
PRODUCTS = ("red", "green")
PARTNERS = ("northwind", "globex", "initech")
"""Facts name the first two only."""

sequences = st.integers(min_value=0, max_value=4)
countries = st.sampled_from((*COUNTRIES, None))
partners = st.sampled_from(("northwind", "globex", None))
starts = st.sampled_from((None, NOW, NOW + timedelta(days=1)))


@st.composite
def some_facts(draw: st.DrawFn) -> list[Fact]:
    """Facts about one offer and two products, all with different ids."""
    mark = unique("")
    said_offers = st.builds(
        lambda version, sequence, codes, quantity: offer(
            f"o{mark}@{version}",
            sequence=sequence,
            products=[f"{code}{mark}" for code in codes],
            each_product=quantity,
        ),
        st.sampled_from(VERSIONS),
        sequences,
        st.lists(st.sampled_from(PRODUCTS), unique=True),
        st.integers(1, 3),
    )
    said_prices = st.builds(
        lambda partner, country, pence, start, sequence: price(
            f"o{mark}", f"1.{pence:02}", sequence=sequence, partner=partner, country=country, validFrom=start
        ),
        partners,
        countries,
        st.integers(0, 99),
        starts,
        sequences,
    )
    said_availability = st.builds(
        lambda code, partner, quantity, start, sequence: availability(
            f"{code}{mark}", quantity=quantity, sequence=sequence, partner=partner, validFrom=start
        ),
        st.sampled_from(PRODUCTS),
        partners,
        st.integers(0, 9),
        starts,
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
def facts_in_time(draw: st.DrawFn) -> list[Fact]:
    """Prices of one offer, and availability of one product, that follow each other, overlap, leave gaps, or never
    hold."""
    id = unique("o")
    hours = st.one_of(st.none(), st.integers(0, 4).map(lambda hour: START + timedelta(hours=hour)))
    said_prices = st.builds(
        lambda pence, partner, country, currency, sequence, begins, ends: price(
            id,
            f"1.{pence:02}",
            currency,
            partner=partner,
            country=country,
            sequence=sequence,
            validFrom=begins,
            validUntil=ends,
        ),
        st.integers(0, 99),
        partners,
        countries,
        st.sampled_from(("GBP", "EUR")),
        sequences,
        hours,
        hours,
    )
    said_availability = st.builds(
        lambda quantity, partner, country, sequence, begins, ends: availability(
            id,
            quantity=quantity,
            partner=partner,
            country=country,
            sequence=sequence,
            validFrom=begins,
            validUntil=ends,
        ),
        st.integers(0, 99),
        partners,
        countries,
        sequences,
        hours,
        hours,
    )
    said: st.SearchStrategy[Fact] = said_prices | said_availability
    return draw(st.lists(said, unique_by=lambda fact: fact.fact_id, min_size=1, max_size=12))


def holding_at(catalogue: Catalogue, id: str, at: datetime, partners: Sequence[str]) -> Sequence[object]:
    """The prices at a moment, a minute later, and at the end of the price that holds; the availability at all
    moments from then on."""
    answers: list[object] = []
    for partner, country, currency in itertools.product(partners, (*COUNTRIES, None), ("GBP", "EUR", None)):
        market = Market(partner=partner, country=country, currency=currency)
        for moment in (at, at + timedelta(seconds=59)):
            answer = catalogue.price(ref(id), market, moment)
            answers.append(answer)
            if answer.current is not None and answer.current.valid_until is not None:
                answers.append(catalogue.price(ref(id), market, answer.current.valid_until).current)
        answers += [catalogue.availability(id, market, moment) for moment in MOMENTS if moment >= at]
        answers.append(catalogue.product_entry(id).validity(market, at)[1])
    return answers


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Fact], list[list[Fact]]]:
    """Facts as published, and as they arrive: in any order, in batches, some more than once."""
    said = draw(some_facts())
    repeated = draw(st.lists(st.sampled_from(said), max_size=4)) if said else []
    order = draw(st.permutations([*said, *repeated]))
    cuts = sorted(draw(st.sets(st.integers(0, len(order)), max_size=3)))
    edges = [0, *cuts, len(order)]
    return said, [list(order[start:end]) for start, end in itertools.pairwise(edges)]


def tombstone(kind: FactKind, key: str) -> Tombstone:
    """A message without a value."""
    return Tombstone(kind, key.encode(), MessageSource("catalogue.offers.v1", 0, next(_offsets)))


@st.composite
def logs(draw: st.DrawFn) -> list[CatalogueMessage]:
    """A partition: prices of two offers, under their names or under one other key, and tombstones."""
    mark = unique("")
    names = [f"a{mark}", f"b{mark}"]
    log: list[CatalogueMessage] = []
    steps = st.tuples(
        st.sampled_from(names), st.booleans(), st.one_of(st.none(), st.tuples(st.integers(1, 99), sequences))
    )
    for offset, (name, under_name, said) in enumerate(draw(st.lists(steps, max_size=14))):
        key = price(name).subject if under_name else f"k{mark}"
        source, at = MessageSource(f"t{mark}", 0, offset), NOW + timedelta(seconds=offset)
        if said is None:
            log.append(Tombstone("price", key.encode(), source, at))
        else:
            pence, sequence = said
            log.append(FactMessage(price(name, f"1.{pence:02}", sequence=sequence), source, key.encode(), at))
    return log


def counting_at_the_end(log: Sequence[CatalogueMessage]) -> dict[str, str]:
    """The amounts that hold after a log, by a plain implementation, message by message."""
    current: dict[str, tuple[int, str, bytes | None]] = {}
    said: dict[tuple[str, int], str] = {}
    for message in log:
        if isinstance(message, Tombstone):
            for subject, (_, _, key) in [*current.items()]:
                if message.key in (key, subject.encode()):
                    del current[subject]
                    said = {at: amount for at, amount in said.items() if at[0] != subject}
            continue
        fact = message.fact
        assert isinstance(fact, PriceFact)
        amount = str(fact.amount)
        if said.setdefault((fact.subject, fact.sequence), amount) != amount:
            continue
        if fact.subject not in current or fact.sequence >= current[fact.subject][0]:
            current[fact.subject] = (fact.sequence, amount, message.key)
    return {subject: amount for subject, (_, amount, _) in current.items()}


class CatalogueFactsContract:
    async def test_recorded_facts_are_known(self, facts: CatalogueFacts) -> None:
        id, code = unique("o"), unique("SKU")
        learned: list[Fact] = [offer(id, products=[code]), price(id), availability(code)]

        outcome = await facts.record(sourced(learned))

        catalogue = await facts.catalogue([id], [], fresh=True)
        named = ref(id)
        assert (outcome.new, outcome.known, outcome.contradicts) == (3, 0, ())
        assert [
            catalogue.offer(named),
            catalogue.price(named, GB, NOW).current,
            catalogue.availability(code, GB, NOW),
        ] == learned

    async def test_unpublished_facts_are_not_known(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        for fresh in (True, False):
            catalogue = await facts.catalogue([id], [id], fresh=fresh)
            assert catalogue.offer(ref(id)) is None
            assert catalogue.availability(id, GB, NOW) is None

    async def test_the_policies_of_an_organisation_and_of_all_are_known(self, facts: CatalogueFacts) -> None:
        own, others = unique("partner"), unique("partner")
        # All tests of this store share the policy of all.
        common = policy(None, maximum_lines=7, sequence=next(_offsets))
        said = policy(own, checks={"price_changed": "off"}, sequence=2)
        await facts.record(sourced([common, said, policy(others)]))

        late = await facts.record(sourced([policy(own, sequence=1)]))

        assert late.new == 1
        assert (await facts.catalogue([], [], fresh=True, partner=own)).policies(own) == (said, common)
        assert (await facts.catalogue([], [], fresh=False, partner=own)).policies(own) == (said, common)
        nobodys = unique("partner")
        assert (await facts.catalogue([], [], fresh=True, partner=nobodys)).policies(nobodys) == (common,)
        assert (await facts.catalogue([unique("o")], [], fresh=False)).policies(own) == ()

    async def test_recording_no_facts_records_none(self, facts: CatalogueFacts) -> None:
        assert (await facts.record([])).new == 0

    async def test_products_are_known_without_their_offer(self, facts: CatalogueFacts) -> None:
        code = unique("SKU")
        await facts.record(sourced([availability(code, quantity=3)]))

        catalogue = await facts.catalogue([], [code], fresh=True)

        assert catalogue.availability(code, GB, NOW) == availability(code, quantity=3)

    async def test_every_version_of_an_offer_is_known(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        older, newer = offer(id, sequence=1), offer(f"{id}@v-2", sequence=2)
        await facts.record(sourced([newer, older]))

        catalogue = await facts.catalogue([id], [], fresh=True)

        assert catalogue.offer(ref(id)) == older
        assert catalogue.successor(ref(id)) == newer

    async def test_a_repeated_fact_is_already_known(self, facts: CatalogueFacts) -> None:
        said = offer(unique("o"))
        await facts.record(sourced([said]))

        again = await facts.record(sourced([said, said]))

        assert (again.new, again.known, again.contradicts) == (0, 2, ())

    async def test_the_same_amount_in_other_digits_is_already_known(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        await facts.record(sourced([price(id, "10.00")]))

        again = await facts.record(sourced([price(id, "10.0")]))

        assert (again.new, again.known) == (0, 1)

    async def test_another_content_under_one_id_is_a_contradiction_and_changes_nothing(
        self, facts: CatalogueFacts
    ) -> None:
        id = unique("o")
        first, other = price(id, "10.00"), price(id, "11.00")
        await facts.record(sourced([first]))

        outcome = await facts.record(sourced([other, first]))

        catalogue = await facts.catalogue([id], [], fresh=True)
        assert (outcome.new, outcome.known, outcome.contradicts) == (0, 1, (other,))
        assert catalogue.price(ref(id), GB, NOW).current == first

    async def test_the_first_of_two_contents_in_one_batch_stands(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        first, other = price(id, "10.00"), price(id, "11.00")

        outcome = await facts.record(sourced([first, other, first]))

        assert (outcome.new, outcome.known, outcome.contradicts) == (1, 1, (other,))

    async def test_a_late_older_fact_overwrites_nothing(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        newer, older = price(id, "2.00", sequence=2), price(id, "1.00", sequence=1)
        await facts.record(sourced([newer]))

        outcome = await facts.record(sourced([older]))

        catalogue = await facts.catalogue([id], [], fresh=True)
        assert outcome.new == 1
        assert catalogue.price(ref(id), GB, NOW).current == newer

    @pytest.mark.parametrize("key", ["its name", "another"])
    async def test_a_tombstone_withdraws_the_facts_last_published_under_its_key(
        self, facts: CatalogueFacts, key: str
    ) -> None:
        id, code, partner = unique("o"), unique("SKU"), unique("partner")
        said: list[Fact] = [
            offer(id, products=[code]),
            price(id),
            availability(code, status="blocked"),
            policy(partner, sequence=next(_offsets)),
        ]
        common = policy(None, sequence=next(_offsets))
        keys = [fact.subject if key == "its name" else unique("key") for fact in said]
        messages = [message for fact, key in zip(said, keys, strict=True) for message in sourced([fact], key)]
        await facts.record([*messages, *sourced([common])])

        outcome = await facts.record([tombstone(fact.kind, key) for fact, key in zip(said, keys, strict=True)])

        assert (outcome.withdrawn, outcome.idle, outcome.new) == (4, (), 0)
        for fresh in (True, False):
            catalogue = await facts.catalogue([id], [code], fresh=fresh, partner=partner)
            withdrawn = catalogue.offer(ref(id))
            assert withdrawn is not None
            assert withdrawn.status == "withdrawn"
            assert catalogue.price(ref(id), GB, NOW).fact is None
            assert catalogue.availability(code, GB, NOW) is None
            assert catalogue.policies(partner) == (common,)

    async def test_a_key_that_several_facts_share_withdraws_them_all_and_no_fact_of_another_kind(
        self, facts: CatalogueFacts
    ) -> None:
        id = unique("o")
        prices = [price(id), price(id, country="GB"), price(id, currency="EUR")]
        said: list[Fact] = [*prices, offer(id), availability(id)]
        await facts.record(sourced(said, id))

        outcome = await facts.record([tombstone("price", id)])

        catalogue = await facts.catalogue([id], [id], fresh=True)
        assert outcome.withdrawn == 3
        assert catalogue.price(ref(id), GB, NOW).fact is None
        assert catalogue.offer(ref(id)) == offer(id)
        assert catalogue.availability(id, GB, NOW) == availability(id)

    async def test_prices_of_partners_and_for_all_are_facts_of_their_own(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        general, own = price(id, "10.00", sequence=5), price(id, "8.00", partner="northwind", sequence=1)
        await facts.record(sourced([general, own]))

        async def amounts() -> list[str]:
            catalogue = await facts.catalogue([id], [], fresh=True, at=NOW)
            prices = [catalogue.price(ref(id), market, NOW).current for market in (GB, GLOBEX)]
            return [str(price.amount) for price in prices if price]

        assert await amounts() == ["8.00", "10.00"]
        await facts.record(sourced([price(id, "7.00", partner="northwind", sequence=2)]))
        assert await amounts() == ["7.00", "10.00"]
        assert (await facts.record([tombstone("price", own.subject)])).withdrawn == 1
        assert await amounts() == ["10.00", "10.00"]
        await facts.record(sourced([own]))
        assert (await facts.record([tombstone("price", general.subject)])).withdrawn == 1
        assert await amounts() == ["8.00"]

    async def test_an_interval_belongs_to_the_price_and_not_to_its_identity(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        once, monthly = price(id, "10.00", sequence=1), price(id, "10.00", interval="P1M", sequence=2)
        await facts.record(sourced([once]))

        renamed = await facts.record(sourced([price(id, "10.00", interval="P1Y", sequence=1)]))
        assert (renamed.new, len(renamed.contradicts)) == (0, 1)
        await facts.record(sourced([monthly]))

        catalogue = await facts.catalogue([id], [], fresh=True, at=NOW)
        current = catalogue.price(ref(id), GB, NOW).current
        assert current == monthly
        assert str(current and current.money) == "10.00 GBP per month"

    async def test_availability_of_a_period_is_a_fact_of_its_own(self, facts: CatalogueFacts) -> None:
        code = unique("SKU")
        always = availability(code, quantity=9, sequence=5)
        recall = availability(code, status="blocked", valid_from=NOW, valid_until=NOW + timedelta(days=7), sequence=6)
        await facts.record(sourced([always, recall]))

        async def held(at: datetime | None) -> list[AvailabilityFact | None]:
            catalogue = await facts.catalogue([], [code], fresh=True, at=at)
            moments = (NOW - timedelta(seconds=1), NOW, NOW + timedelta(days=7))
            return [catalogue.availability(code, GB, moment) for moment in moments if at is None or moment >= at]

        assert await held(None) == [always, recall, always]
        assert await held(NOW) == [recall, always]
        assert await held(NOW + timedelta(days=7)) == [always]
        assert await held(None) == [always, recall, always]
        assert (await facts.record([tombstone("availability", recall.subject)])).withdrawn == 1
        assert await held(None) == [always, always, always]

    async def test_an_offers_id_names_all_its_versions_and_no_other_offer(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        others = [offer(f"{id}/v-1"), offer(f"{id}0")]
        await facts.record(sourced([offer(id), offer(f"{id}@v-2"), *others]))

        outcome = await facts.record([tombstone("offer", id)])

        catalogue = await facts.catalogue([id, *(other.id for other in others)], [], fresh=True)
        assert outcome.withdrawn == 2
        assert {(fact.id, fact.status) for fact in catalogue.offers()} == {
            (id, "withdrawn"),
            *((other.id, "published") for other in others),
        }

    async def test_an_earlier_key_of_a_fact_withdraws_nothing(self, facts: CatalogueFacts) -> None:
        id, before = unique("o"), unique("key")
        await facts.record([*sourced([price(id)], before), *sourced([price(id)])])
        await facts.record(sourced([price(id, sequence=0)], before))
        repeated, newer = unique("o"), unique("o")
        await facts.record(sourced([price(repeated), price(newer)], before))
        await facts.record(sourced([price(repeated), price(newer, "2.00", sequence=2)], unique("later")))

        said = tombstone("price", before)
        outcome = await facts.record([said])

        catalogue = await facts.catalogue([id, repeated, newer], [], fresh=True)
        assert (outcome.withdrawn, outcome.idle) == (0, (said,))
        assert [catalogue.price(ref(each), GB, NOW).current is not None for each in (id, repeated, newer)] == [True] * 3

    @pytest.mark.parametrize("key", [None, b"", b"nobody", b"\xff\xfe", b"price/a\x00b", b"price/*"])
    async def test_a_tombstone_that_withdraws_nothing_is_reported(
        self, facts: CatalogueFacts, key: bytes | None
    ) -> None:
        said = replace(tombstone("price", ""), key=key)

        outcome = await facts.record([said])

        assert (outcome.withdrawn, outcome.idle, outcome.known) == (0, (said,), 0)

    async def test_a_fact_is_withdrawn_once(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        await facts.record(sourced([price(id)]))
        name = price(id).subject

        outcome = await facts.record([tombstone("price", name), tombstone("price", name)])

        assert (outcome.withdrawn, len(outcome.idle)) == (1, 1)

    async def test_a_fact_after_a_withdrawal_counts_whatever_its_sequence(self, facts: CatalogueFacts) -> None:
        id = unique("o")
        name = price(id).subject
        first, lower, other = (
            price(id, "5.00", sequence=5),
            price(id, "1.00", sequence=1),
            price(id, "6.00", sequence=5),
        )
        for again in (first, lower, other):
            await facts.record(sourced([first]))
            await facts.record([tombstone("price", name)])

            outcome = await facts.record(sourced([again]))

            catalogue = await facts.catalogue([id], [], fresh=True)
            current = catalogue.price(ref(id), GB, NOW).current
            assert (outcome.new, outcome.contradicts) == (1, ())
            assert current is not None
            assert (current.amount, current.sequence) == (again.amount, again.sequence)
            await facts.record([tombstone("price", name)])

    async def test_a_late_older_fact_overwrites_nothing_published_after_a_withdrawal(
        self, facts: CatalogueFacts
    ) -> None:
        id = unique("o")
        await facts.record([*sourced([price(id, "9.00", sequence=9)]), tombstone("price", price(id).subject)])
        await facts.record(sourced([price(id, "2.00", sequence=2)]))

        await facts.record(sourced([price(id, "1.00", sequence=1)]))

        catalogue = await facts.catalogue([id], [], fresh=True)
        current = catalogue.price(ref(id), GB, NOW).current
        assert current is not None
        assert str(current.amount) == "2.00"

    async def test_reading_a_topic_again_from_its_start_changes_nothing(self, facts: CatalogueFacts) -> None:
        id, other = unique("o"), unique("o")
        topic, key = unique("topic"), unique("key")
        name = price(id).subject.encode()

        def at(offset: int, partition: int = 0) -> tuple[MessageSource, datetime]:
            return MessageSource(topic, partition, offset), NOW + timedelta(seconds=offset)

        def said(fact: Fact, offset: int, key: bytes = name, partition: int = 0) -> FactMessage:
            source, moment = at(offset, partition)
            return FactMessage(fact, source, key, moment)

        def gone(offset: int, key: bytes = name) -> Tombstone:
            source, moment = at(offset)
            return Tombstone("price", key, source, moment)

        log: list[CatalogueMessage] = [
            said(price(id, "1.00"), 0),
            said(price(id, "1.00"), 1),
            said(price(other, "7.00"), 2, key.encode(), partition=1),
            gone(3),
            said(price(id, "3.00"), 4),
            gone(5),
            said(price(id, "1.00"), 6),
            gone(7, price(other).subject.encode()),
        ]
        await facts.record(log)
        before = await facts.catalogue([id, other], [], fresh=True)
        assert before.price(ref(other), GB, NOW).fact is None

        for start in range(len(log)):
            outcome = await facts.record(log[start:])
            catalogue = await facts.catalogue([id, other], [], fresh=True)
            assert (outcome.new, outcome.withdrawn, outcome.known) == (0, 0, len(log) - start)
            assert (outcome.contradicts, outcome.idle) == ((), ())
            assert catalogue.price(ref(id), GB, NOW) == before.price(ref(id), GB, NOW)
            assert catalogue.price(ref(other), GB, NOW).fact is None

    async def test_messages_of_a_recreated_topic_are_new(self, facts: CatalogueFacts) -> None:
        id, topic = unique("o"), unique("topic")
        name = price(id).subject.encode()
        await facts.record(
            [
                FactMessage(price(id), MessageSource(topic, 0, 7), name, NOW),
                Tombstone("price", name, MessageSource(topic, 0, 8), NOW + timedelta(seconds=1)),
            ]
        )

        later = NOW + timedelta(hours=1)
        again = await facts.record([FactMessage(price(id), MessageSource(topic, 0, 0), name, later)])

        catalogue = await facts.catalogue([id], [], fresh=True)
        assert again.new == 1
        assert catalogue.price(ref(id), GB, NOW).current is not None

    async def test_a_fact_from_before_a_withdrawal_that_is_recorded_late_does_not_cancel_it(
        self, facts: CatalogueFacts
    ) -> None:
        id, topic = unique("o"), unique("topic")
        name = price(id).subject.encode()
        await facts.record(
            [
                FactMessage(price(id), MessageSource(topic, 0, 1), name, NOW),
                Tombstone("price", name, MessageSource(topic, 0, 2), NOW),
            ]
        )

        outcome = await facts.record([FactMessage(price(id, sequence=9), MessageSource(topic, 0, 0), name, NOW)])

        catalogue = await facts.catalogue([id], [], fresh=True)
        assert outcome.new == 1
        assert catalogue.price(ref(id), GB, NOW).fact is None

    # Each example uses its own names, because examples may share the store.
    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(logs(), st.data())
    async def test_the_last_message_under_a_name_counts_for_any_batches_and_repeats(
        self, facts: CatalogueFacts, log: list[CatalogueMessage], data: st.DataObject
    ) -> None:
        expected = counting_at_the_end(log)
        start = 0
        while start < len(log):
            end = data.draw(st.integers(start + 1, len(log)))
            await facts.record(log[data.draw(st.integers(0, start)) : end])
            start = end

        ids = {
            message.fact.offer_id
            for message in log
            if isinstance(message, FactMessage) and isinstance(message.fact, PriceFact)
        }
        catalogue = await facts.catalogue(ids, [], fresh=True)
        known = [catalogue.price(ref(id), GB, NOW).current for id in sorted(ids)]
        assert {price.subject: str(price.amount) for price in known if price is not None} == expected

    @settings(
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(facts_in_time())
    async def test_a_query_for_a_moment_misses_nothing_that_holds_then(
        self, facts: CatalogueFacts, said: list[Fact]
    ) -> None:
        plain = InMemoryCatalogue()
        await plain.record(sourced(said))
        await facts.record(sourced(said))
        ids = {offer_of(fact) for fact in said}
        everything = await plain.catalogue(ids, ids, fresh=True)
        for at, partner in zip(MOMENTS, itertools.cycle((None, *PARTNERS)), strict=False):
            for fresh in (True, False):
                catalogue = await facts.catalogue(ids, ids, fresh=fresh, at=at, prices_for=partner)
                for id in ids:
                    partners = PARTNERS if partner is None else (partner,)
                    assert holding_at(catalogue, id, at, partners) == holding_at(everything, id, at, partners)

    # Each example uses its own names, because examples may share the store.
    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(arrivals())
    async def test_known_facts_do_not_depend_on_the_order_of_arrival(
        self, facts: CatalogueFacts, arrival: tuple[list[Fact], list[list[Fact]]]
    ) -> None:
        said, batches = arrival
        plain = InMemoryCatalogue()
        offer_ids = {offer_of(fact) for fact in said}
        codes = {fact.product_code for fact in said if isinstance(fact, AvailabilityFact)}
        outcomes = []
        for batch in batches:
            await plain.record(sourced(batch))
            outcomes.append(await facts.record(sourced(batch)))
            expected = await plain.catalogue(offer_ids, codes, fresh=True)
            actual = await facts.catalogue(offer_ids, codes, fresh=True)
            for offer_id in offer_ids:
                assert known_of(actual, offer_id, codes) == known_of(expected, offer_id, codes)
        assert sum(outcome.new for outcome in outcomes) == len(said)
        assert not any(outcome.contradicts for outcome in outcomes)
