from __future__ import annotations

from adapters.postgres.catalogue_cache import OfferCache
from tests.builders import availability, offer, price


def trusted_cache(size: int = 10) -> OfferCache:
    cache = OfferCache(size)
    cache.trust(True)
    return cache


def test_an_offer_is_remembered_with_its_prices_and_without_availability() -> None:
    cache = trusted_cache()

    cache.keep(["o-1"], [offer("o-1"), price("o-1"), availability("o-1")], cache.generation)

    assert cache.find("o-1") == (offer("o-1"), price("o-1"))


def test_that_an_offer_is_unknown_is_remembered_until_it_is_touched() -> None:
    cache = trusted_cache()
    cache.keep(["o-1", "o-2"], [], cache.generation)
    assert cache.find("o-1") == ()

    cache.forget('["o-1"]')

    assert cache.find("o-1") is None
    assert cache.find("o-2") == ()


def test_what_was_read_before_a_change_is_not_kept() -> None:
    cache = trusted_cache()
    began_at = cache.generation
    cache.forget('["o-1"]')

    cache.keep(["o-1"], [offer("o-1")], began_at)

    assert cache.find("o-1") is None


def test_what_was_read_before_the_connection_was_lost_and_found_again_is_not_kept() -> None:
    cache = trusted_cache()
    began_at = cache.generation
    cache.trust(False)
    cache.trust(True)

    cache.keep(["o-1"], [offer("o-1")], began_at)

    assert cache.find("o-1") is None


def test_nothing_is_remembered_while_changes_are_not_heard() -> None:
    cache = trusted_cache()
    cache.keep(["o-1"], [offer("o-1")], cache.generation)

    cache.trust(False)
    cache.keep(["o-2"], [offer("o-2")], cache.generation)

    assert (cache.find("o-1"), cache.find("o-2")) == (None, None)


def test_so_many_offers_are_remembered_and_no_more() -> None:
    cache = trusted_cache(size=2)

    cache.keep(["o-1", "o-2", "o-3"], [], cache.generation)

    assert [cache.find(id) for id in ("o-1", "o-2", "o-3")] == [None, (), ()]
