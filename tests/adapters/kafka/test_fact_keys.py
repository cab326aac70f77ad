"""The keys under which `checkout catalogue load` publishes facts."""

from __future__ import annotations

from adapters.kafka.catalogue_messages import fact_message
from domain.catalogue.epochs import keys_naming
from domain.catalogue.facts import Fact
from tests.builders import NOW, SECOND, availability, offer, price

FACTS: list[Fact] = [
    *(offer("o-1"), offer("o-1@v-2")),
    *(price(), price(country="GB"), price(currency="EUR"), price(valid_from=NOW)),
    *(price(partner="acme"), price(partner="globex"), price(partner="acme", country="GB")),
    price(partner="acme", valid_from=NOW),
    *(availability(), availability(country="GB"), availability(partner="acme")),
    *(
        availability(valid_from=NOW),
        availability(valid_from=NOW + SECOND),
        availability(valid_from=NOW, partner="acme"),
    ),
]


def test_compaction_drops_no_other_partner_market_or_period() -> None:
    keys = [fact_message(fact).key for fact in FACTS]
    assert len({*keys}) == len(FACTS)


def test_a_newer_version_of_a_fact_has_its_key_and_a_tombstone_under_it_names_the_fact() -> None:
    for fact in FACTS:
        newer = fact.model_copy(update={"sequence": 9})
        key = fact_message(newer).key
        assert key == fact_message(fact).key
        assert key is not None
        assert key.decode() in keys_naming(newer)


def test_keys_of_earlier_releases_are_unchanged() -> None:
    assert fact_message(price(country="GB", valid_until=NOW)).key == b"price/o-1/v-1/GB/GBP/*"
    assert fact_message(availability(partner="acme")).key == b"availability/SKU-1/*/acme"
