"""What a process keeps of the catalogue, and when it lets go of it."""

from __future__ import annotations

from datetime import timedelta

from adapters.postgres.catalogue.cache import CatalogueCache, CatalogueRead
from adapters.postgres.catalogue.lru_cache import LruCache
from adapters.postgres.catalogue.price_window import ALWAYS, PriceWindow
from adapters.postgres.catalogue.statements import EVERYTHING
from domain.catalogue.offer_index import OfferEntry, ProductEntry
from tests.builders import NOW, availability, offer, policy, price

OFFER = OfferEntry([offer("o-1"), price("o-1")])
NO_OFFER = OfferEntry([])
PRODUCT = ProductEntry([availability("SKU-1")])
POLICY = policy("acme")


def trusted_cache(size: int = 10) -> CatalogueCache:
    cache = CatalogueCache(size)
    cache.trust(True)
    return cache


def read(position: int = 5, window: PriceWindow = ALWAYS) -> CatalogueRead:
    return CatalogueRead(
        position, window, {"o-1": OFFER, "o-2": NO_OFFER}, {"SKU-1": PRODUCT}, {"policy/acme": POLICY}
    )


def known(cache: CatalogueCache) -> list[str]:
    """The names of all that is remembered."""
    return [
        *(id for id in ("o-1", "o-2") if cache.offer(id) is not None),
        *(code for code in ("SKU-1",) if cache.product(code) is not None),
        *(subject for subject in ("policy/acme",) if cache.policy(subject) is not None),
    ]


def test_what_was_read_is_remembered_also_that_there_is_no_such_offer() -> None:
    cache = trusted_cache()
    cache.advance(read(), None, cache.state)
    assert cache.offer("o-1") is OFFER
    assert cache.offer("o-2") is NO_OFFER
    assert cache.product("SKU-1") is PRODUCT
    assert cache.policy("policy/acme") == (POLICY,)
    assert cache.state.position == 5


def test_an_offer_is_remembered_for_the_time_that_its_prices_were_read_for() -> None:
    cache = trusted_cache()
    window = PriceWindow.at(NOW, timedelta(minutes=10))
    cache.advance(read(window=window), None, cache.state)
    assert cache.offer("o-1", PriceWindow.at(NOW, timedelta(minutes=1))) is OFFER
    assert cache.offer("o-1", PriceWindow.at(NOW - timedelta(seconds=1))) is None
    assert cache.offer("o-1", PriceWindow.at(NOW, timedelta(minutes=11))) is None


def test_what_was_touched_since_is_forgotten_and_the_rest_is_as_of_the_later_position() -> None:
    cache = trusted_cache()
    cache.advance(read(), None, cache.state)
    nothing = CatalogueRead(7, ALWAYS, {}, {}, {})
    cache.advance(nothing, [("offer", "o-1"), ("availability", "SKU-1"), ("policy", "policy/x")], cache.state)
    assert known(cache) == ["o-2", "policy/acme"]
    assert cache.state.position == 7


def test_where_anything_may_have_been_touched_only_what_was_read_is_remembered() -> None:
    cache = trusted_cache()
    cache.advance(read(), None, cache.state)
    cache.advance(CatalogueRead(9, ALWAYS, {"o-2": NO_OFFER}, {}, {}), None, cache.state)
    assert known(cache) == ["o-2"]


def test_of_two_who_looked_at_the_same_memory_the_later_is_not_heard() -> None:
    cache = trusted_cache()
    looked_at = cache.state
    cache.advance(CatalogueRead(7, ALWAYS, {}, {}, {}), None, looked_at)
    cache.advance(read(position=6), None, looked_at)
    assert (known(cache), cache.state.position) == ([], 7)


def test_what_was_read_before_a_change_was_heard_is_not_kept_but_what_was_touched_is_forgotten() -> None:
    cache = trusted_cache()
    cache.advance(read(), None, cache.state)
    looked_at = cache.state
    cache.forget('["o-1"]')
    cache.advance(
        CatalogueRead(6, ALWAYS, {"o-1": OFFER}, {}, {}),
        [("offer", "o-1"), ("availability", "SKU-1")],
        looked_at,
    )
    assert known(cache) == ["o-2", "policy/acme"]
    assert cache.state.position == 6


def test_a_notification_makes_its_offers_or_everything_be_forgotten() -> None:
    cache = trusted_cache()
    cache.advance(read(), None, cache.state)
    cache.forget('["o-1"]')
    assert known(cache) == ["o-2", "SKU-1", "policy/acme"]
    cache.forget(EVERYTHING)
    assert (known(cache), cache.state.position) == ([], None)


def test_what_was_read_before_the_connection_was_lost_and_found_again_is_not_kept() -> None:
    cache = trusted_cache()
    looked_at = cache.state
    cache.trust(False)
    cache.trust(True)
    cache.advance(read(), None, looked_at)
    assert known(cache) == []


def test_nothing_is_remembered_while_changes_are_not_heard() -> None:
    cache = trusted_cache()
    cache.advance(read(), None, cache.state)
    cache.trust(False)
    cache.advance(read(), None, cache.state)
    assert known(cache) == []


def test_so_many_things_are_remembered_and_what_was_used_lately_stays() -> None:
    lately: LruCache[int, int] = LruCache(100)
    for number in range(1000):
        lately.keep(number, -number)
        assert lately.get(7) in (-7, None if number < 7 else -7)
        assert len(lately) <= 100
    assert {*lately} == {7, *range(1000 - len(lately) + 1, 1000)}


def test_what_is_forgotten_is_known_no_more_wherever_it_was_kept() -> None:
    lately: LruCache[int, int] = LruCache(4)
    for number in range(4):
        lately.keep(number, number)
    for number in range(4):
        lately.forget(number)
        assert lately.get(number) is None
    assert len(lately) == 0
