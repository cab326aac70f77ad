"""The contract of every DataKeys. The suite of an adapter subclasses it and provides the fixtures `keys` and `destroy`,
which destroys a basket's key as an erasure does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from domain.ports.data_keys import DataKey, DataKeys, KeyRequest, WrappedKey

Destroy = Callable[[str, int], Awaitable[None]]


def a_basket() -> str:
    return f"basket-{uuid4()}"


def a_request(basket_id: str, subject: str | None = None) -> KeyRequest:
    proposed = DataKey(str(uuid4()), basket_id, WrappedKey("master", uuid4().bytes))
    return KeyRequest(basket_id, "acme", subject, proposed)


class DataKeysContract:
    async def test_a_basket_keeps_its_first_key(self, keys: DataKeys) -> None:
        basket = a_basket()
        first, second = a_request(basket), a_request(basket)
        assert await keys.ensure(first) == first.proposed
        assert await keys.ensure(second) == first.proposed
        assert await keys.newest([basket]) == {basket: first.proposed}

    async def test_concurrent_requests_for_one_basket_get_one_key(self, keys: DataKeys) -> None:
        baskets = [a_basket() for _ in range(4)]
        asked = [a_request(basket, "person-1") for basket in baskets for _ in range(10)]
        given = await asyncio.gather(*map(keys.ensure, asked))
        assert all(key is not None for key in given)
        assert len({key.id for key in given if key is not None}) == len(baskets)
        for request, key in zip(asked, given, strict=True):
            assert key is not None
            assert key.basket_id == request.basket_id

    async def test_a_request_without_a_proposal_creates_no_key(self, keys: DataKeys) -> None:
        basket = a_basket()
        assert await keys.ensure(KeyRequest(basket, "acme", "person-1", None)) is None
        given = await keys.ensure(a_request(basket))
        assert await keys.ensure(KeyRequest(basket, "acme", "person-1", None)) == given

    async def test_keys_are_found_by_their_ids(self, keys: DataKeys) -> None:
        one, other = [await keys.ensure(a_request(a_basket())) for _ in range(2)]
        assert one is not None
        assert other is not None
        assert await keys.find([one.id, str(uuid4()), other.id]) == {one.id: one, other.id: other}
        assert await keys.find([str(uuid4())]) == {}

    async def test_a_destroyed_key_leaves_a_record(self, keys: DataKeys, destroy: Destroy) -> None:
        basket, untouched = a_basket(), a_basket()
        key = await keys.ensure(a_request(basket))
        kept = await keys.ensure(a_request(untouched))
        assert key is not None
        assert kept is not None

        await destroy(basket, 3)

        gone = DataKey(key.id, basket, None)
        assert await keys.find([key.id, kept.id]) == {key.id: gone, kept.id: kept}
        assert await keys.newest([basket, untouched]) == {basket: gone, untouched: kept}
        assert await keys.forgotten([basket, untouched]) == {basket: 3}

    async def test_a_new_key_follows_a_destroyed_one(self, keys: DataKeys, destroy: Destroy) -> None:
        basket = a_basket()
        first = await keys.ensure(a_request(basket))
        await destroy(basket, 2)

        second = await keys.ensure(a_request(basket))

        assert first is not None
        assert second is not None
        assert second.id != first.id
        assert await keys.newest([basket]) == {basket: second}
        await destroy(basket, 7)
        assert await keys.forgotten([basket]) == {basket: 7}

    async def test_rewrapping_skips_destroyed_keys(self, keys: DataKeys, destroy: Destroy) -> None:
        baskets = [a_basket() for _ in range(3)]
        held = [await keys.ensure(a_request(basket)) for basket in baskets]
        found = await keys.wrapped_by_other_keys("new", 10)
        assert {key.id for key in found} == {key.id for key in held if key is not None}
        assert await keys.wrapped_by_other_keys("master", 10) == []
        await destroy(baskets[0], 2)

        await keys.rewrap([(key, WrappedKey("new", b"again")) for key in found])

        newest = await keys.newest(baskets)
        assert [newest[basket].key for basket in baskets] == [
            None,
            WrappedKey("new", b"again"),
            WrappedKey("new", b"again"),
        ]
        assert await keys.wrapped_by_other_keys("new", 10) == []
