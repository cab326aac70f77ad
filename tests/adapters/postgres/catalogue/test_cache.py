"""What a process caches of the catalogue, and when it evicts it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from adapters.postgres.catalogue.cache import ALWAYS, CacheVersion, CatalogueCache, Entries, PriceWindow
from adapters.postgres.catalogue.statements import EVERYTHING
from domain.catalogue.offer_index import OfferEntry, ProductEntry
from tests.builders import NOW, availability, offer, policy, price

OFFER = OfferEntry([offer("o-1"), price("o-1")])
NO_OFFER = OfferEntry([])
PRODUCT = ProductEntry([availability("SKU-1")])
POLICY = policy("acme")


class StoppedSeconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_entries_are_remembered_for_a_moment_after_they_were_up_to_date() -> None:
    seconds = StoppedSeconds()
    cache = CatalogueCache(10, seconds)
    cache.trust(True)
    assert not cache.moved_within(1)
    advance(cache)
    seconds.now = 1.0
    assert cache.moved_within(1)
    seconds.now = 1.1
    assert not cache.moved_within(1)
    advance(cache, 6, touched=[])
    assert cache.moved_within(1)
    cache.outdate()
    assert not cache.moved_within(1)
    advance(cache, 7, touched=[])
    cache.trust(False)
    assert not cache.moved_within(1)


def trusted_cache(size: int = 10) -> CatalogueCache:
    cache = CatalogueCache(size)
    cache.trust(True)
    return cache


READ = Entries({"o-1": OFFER, "o-2": NO_OFFER}, {"SKU-1": PRODUCT}, {"policy/acme": POLICY})


def advance(
    cache: CatalogueCache,
    position: int = 5,
    offers: dict[str, OfferEntry] | None = None,
    *,
    touched: Sequence[tuple[str, str]] | None = None,
    seen: CacheVersion | None = None,
    window: PriceWindow = ALWAYS,
) -> None:
    """Moves the cache by `READ`, or by a query that read these offers only."""
    read = READ if offers is None else Entries(offers)
    cache.advance(position, window, read, touched, seen or cache.version)


def known(cache: CatalogueCache) -> list[str]:
    """The names of all cached entries."""
    return [
        *(id for id in ("o-1", "o-2") if cache.offer(id) is not None),
        *(code for code in ("SKU-1",) if cache.product(code) is not None),
        *(subject for subject in ("policy/acme",) if cache.policy(subject) is not None),
    ]


def test_what_was_read_is_cached_even_that_an_offer_is_unknown() -> None:
    cache = trusted_cache()
    advance(cache)
    assert cache.offer("o-1") is OFFER
    assert cache.offer("o-2") is NO_OFFER
    assert cache.product("SKU-1") is PRODUCT
    assert cache.policy("policy/acme") == (POLICY,)
    assert cache.version.position == 5


def test_an_offer_is_cached_for_the_period_of_the_prices_that_were_read() -> None:
    cache = trusted_cache()
    window = PriceWindow.at(NOW, timedelta(minutes=10))
    advance(cache, window=window)
    assert cache.offer("o-1", PriceWindow.at(NOW, timedelta(minutes=1))) is OFFER
    assert cache.offer("o-1", PriceWindow.at(NOW - timedelta(seconds=1))) is None
    assert cache.offer("o-1", PriceWindow.at(NOW, timedelta(minutes=11))) is None


def test_a_product_is_cached_from_the_beginning_of_the_period_that_was_read() -> None:
    cache = trusted_cache()
    advance(cache, window=PriceWindow.at(NOW, timedelta(minutes=10)))
    assert cache.product("SKU-1", PriceWindow.at(NOW)) is PRODUCT
    assert cache.product("SKU-1", PriceWindow.at(NOW + timedelta(days=99))) is PRODUCT
    assert cache.product("SKU-1", PriceWindow.at(NOW - timedelta(seconds=1))) is None
    assert cache.product("SKU-1") is None


def test_an_offer_is_cached_for_the_partners_whose_prices_were_read() -> None:
    cache = trusted_cache()
    read = Entries({"o-1": OFFER, "o-2": NO_OFFER}, incomplete_offers=frozenset({"o-1"}))
    cache.advance(5, PriceWindow.at(None, partner="acme"), read, None, cache.version)
    for partner in ("acme", "globex", None):
        assert cache.offer("o-2", PriceWindow.at(NOW, partner=partner)) is NO_OFFER, "it has no price for a partner"
        known = cache.offer("o-1", PriceWindow.at(NOW, partner=partner)) is OFFER
        assert known == (partner == "acme")
    assert (cache.partners_of("o-1"), cache.partners_of("o-2")) == (frozenset({"acme"}), frozenset())


def test_a_window_for_several_callers_names_all_their_partners() -> None:
    acme, globex, all_of_them = (PriceWindow.at(NOW, partner=partner) for partner in ("acme", "globex", None))
    assert PriceWindow.covering([acme, globex]).partners == frozenset({"acme", "globex"})
    assert PriceWindow.covering([acme, all_of_them]).partners is None
    assert PriceWindow.covering([acme, globex]).covers(globex)
    assert not acme.covers(PriceWindow.covering([acme, globex]))
    assert not acme.covers(all_of_them)
    assert all_of_them.covers(acme)


def test_touched_entries_are_evicted_and_the_others_move_to_the_later_position() -> None:
    cache = trusted_cache()
    advance(cache)
    touched = [("offer", "o-1"), ("availability", "SKU-1"), ("policy", "policy/x")]
    advance(cache, 7, {}, touched=touched)
    assert known(cache) == ["o-2", "policy/acme"]
    assert cache.version.position == 7


def test_when_anything_may_have_been_touched_only_what_was_read_stays() -> None:
    cache = trusted_cache()
    advance(cache)
    advance(cache, 9, {"o-2": NO_OFFER})
    assert known(cache) == ["o-2"]


def test_of_two_queries_that_saw_the_same_version_only_the_first_moves_the_cache() -> None:
    cache = trusted_cache()
    seen = cache.version
    advance(cache, 7, {}, seen=seen)
    advance(cache, 6, seen=seen)
    assert (known(cache), cache.version.position) == ([], 7)


def test_entries_read_before_a_notification_are_not_cached_but_touched_ones_are_evicted() -> None:
    cache = trusted_cache()
    advance(cache)
    seen = cache.version
    cache.evict('["o-1"]')
    advance(cache, 6, {"o-1": OFFER}, touched=[("offer", "o-1"), ("availability", "SKU-1")], seen=seen)
    assert known(cache) == ["o-2", "policy/acme"]
    assert cache.version.position == 6


def test_a_notification_evicts_its_offers_or_everything() -> None:
    cache = trusted_cache()
    advance(cache)
    cache.evict('["o-1"]')
    assert known(cache) == ["o-2", "SKU-1", "policy/acme"]
    cache.evict(EVERYTHING)
    assert (known(cache), cache.version.position) == ([], None)


def test_entries_read_before_a_reconnection_are_not_cached() -> None:
    cache = trusted_cache()
    seen = cache.version
    cache.trust(False)
    cache.trust(True)
    advance(cache, seen=seen)
    assert known(cache) == []


def test_nothing_is_cached_while_notifications_are_not_heard() -> None:
    cache = trusted_cache()
    advance(cache)
    cache.trust(False)
    advance(cache)
    assert known(cache) == []


def test_so_many_offers_are_cached_and_the_recently_used_stay() -> None:
    cache = trusted_cache(size=3)
    advance(cache, 0, {"o-x": OFFER})
    for number in range(10):
        advance(cache, number, {f"o-{number}": OFFER}, touched=[])
        assert cache.offer("o-x") is OFFER
    assert [number for number in range(10) if cache.offer(f"o-{number}") is not None] == [8, 9]
