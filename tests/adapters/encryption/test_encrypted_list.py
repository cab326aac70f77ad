"""The list of baskets reads encrypted views and events without decrypting them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from adapters.system import new_id, utc_now
from domain.basket.lister import BasketLister
from domain.basket.projection import BasketProjection
from domain.basket.repository import BasketRepository
from domain.basket.serialization import serialize_order, serialize_summary
from domain.ports.basket_list import BasketFilter
from tests.adapters.encryption.encrypted_store import EncryptedStores
from tests.builders import PARTNER, add, caller, initiate, item, update
from tests.builders.direct_handlers import direct_handlers
from tests.fakes.basket_list import InMemoryBasketList
from tests.fakes.catalogue import InMemoryCatalogue

SECRET = "Ada Lovelace"
PERSONAL: dict[str, Any] = {
    "country": None,
    "custom_fields": {"name": SECRET},
    "delivery_details": {"firstName": SECRET, "country": "FR"},
    "data_subject": "p-1",
}


async def test_entries_are_those_of_the_orders_and_no_personal_data_is_read() -> None:
    stores = EncryptedStores()
    baskets = BasketRepository(stores.store)
    handlers = direct_handlers(stores.store, baskets, InMemoryCatalogue(), utc_now, new_id)
    ids = [(await handlers.initiate(initiate(item(), **PERSONAL), caller())).basket.id for _ in range(2)]
    for id in ids:
        await BasketProjection(stores.store, stores.views).refold(id)
    await handlers.update(update(ids[0], add("o-2")), caller())  # the view lacks it
    assert all(SECRET.encode() not in view.snapshot for view in stores.stored_views.all())
    lister = BasketLister(
        InMemoryBasketList(stores.stored_views),
        BasketRepository(stores.stored, cache_lines=0),
        utc_now,
        timedelta(hours=1),
    )

    page = await lister.page(BasketFilter(partner=PARTNER), None, 10)

    assert [basket.id for basket in page.baskets] == sorted(ids, reverse=True)
    for basket in page.baskets:
        order = serialize_order(await baskets.load(basket.id))
        summary = to_jsonable_python(serialize_summary(basket))
        assert {name: order[name] for name in summary.keys() & order.keys()} == {
            name: summary[name] for name in summary.keys() & order.keys()
        }
        assert summary["lines"] == len(order["orderItems"])
        assert summary["market"] == {"country": "FR", "source": "deliveryDetails.country"}
        assert SECRET not in str(serialize_order(basket))
