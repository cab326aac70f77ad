"""A partner's gateway: a basket from initiate to a promise that an order service can rely on.

    CHECKOUT_URL=http://127.0.0.1:8080 CHECKOUT_TOKEN=eyJ… python clients/python/examples/gateway.py

`checkout env` prints the address and `checkout token --partner store-367` a token; `make demo` prints both. The offers
are those of the demo's catalogue. Exit code 0: the basket is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

from checkout_client import CheckoutClient, CheckoutClientError, MendedBasket

ORDER = {
    "country": "US",
    "currency": "USD",
    "orderItems": [{"offer": {"id": "o-820165", "version": "v-1"}, "quantity": 2}],
}
MORE = {
    "orderItemActionType": "add",
    "offer": {"id": "o-874972", "version": "v-1"},
    "quantity": 1,
    # What the shop showed. It is not the price of now, and validation says so.
    "expectedPrice": {"amount": "0.01", "currency": "USD"},
}


async def place_basket(client: CheckoutClient) -> bool:
    """Whether the basket became ready."""
    begun = await client.initiate({"order": ORDER})
    print(f"basket {begun.id}, version {begun.version}")
    updated = await client.update(begun.id, {"orderItemActions": [MORE]}, if_match=begun.version)
    print(f"{len(updated.value.order.order_items)} lines, total {_money(updated.body['order']['total'])}")
    mended = await client.make_ready(begun.id, accept=_show_remedy)
    verdict = mended.verdict.value
    for finding in [*verdict.blocked_products, *verdict.validation_errors]:
        print(f"  {finding.severity} {finding.code}: {finding.message}")
    print(f"ready: {verdict.ready} ({mended.outcome}), total {_money(mended.verdict.body['checkout']['total'])}")
    if mended.promise is not None:
        await _check_promise(client, mended)
    return verdict.ready


def _show_remedy(remedy: Any) -> bool:
    """A person would decide here: the remedy may accept other prices, and remove lines."""
    leads_to = remedy["leadsTo"]
    print(f"not ready; the remedy leads to ready: {leads_to['ready']}, total {_money(leads_to['total'])}")
    for action in remedy["orderItemActions"]:
        print(f"  {action}")
    return True


async def _check_promise(client: CheckoutClient, mended: MendedBasket) -> None:
    """As the order service does it that gets the promise: offline, by the published keys."""
    verdict = mended.verdict.value
    promise = await client.promise_checker().check(
        mended.promise or "",
        basket_id=verdict.id,
        basket_version=verdict.basket_version,
        total=verdict.checkout.total,
        evidence=verdict.evidence,
    )
    print(f"the promise holds until {promise.expires_at:%H:%M:%S} UTC, for version {promise.basket_version}")


def _money(money: Any) -> str:
    return "unknown" if money is None else f"{money['amount']} {money['currency']}"


async def main() -> int:
    parser = argparse.ArgumentParser(description="A partner's gateway: a basket from initiate to a promise.")
    parser.add_argument("--url", default=os.environ.get("CHECKOUT_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--token", default=os.environ.get("CHECKOUT_TOKEN"))
    options = parser.parse_args()
    if options.token is None:
        parser.error("give a token by --token or CHECKOUT_TOKEN: `checkout token --partner store-367` prints one")
    try:
        async with CheckoutClient(options.url, options.token) as client:
            return 0 if await place_basket(client) else 1
    except CheckoutClientError as error:
        print(f"{type(error).__name__}: {error}")
        return 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
