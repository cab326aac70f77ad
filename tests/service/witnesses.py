"""Callers that work on baskets of their own and record every violation of the contract."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

import httpx

from tests.service.checkout_process import add, cookie, line, order_of


@dataclass
class Witness:
    """A caller's baskets, with the last acknowledged version and offers."""

    baskets: dict[str, tuple[int, set[str]]] = field(default_factory=dict)
    calls: int = 0
    slowest: float = 0.0
    unavailable: int = 0
    wrong: list[str] = field(default_factory=list)


async def keep_calling(
    client: httpx.AsyncClient,
    name: str,
    witness: Witness,
    stop: asyncio.Event,
    *,
    may_be_unavailable: bool = False,
) -> None:
    """Initiates a basket, adds to it five times and validates it, repeatedly, until `stop` is set.

    After a 503 (if allowed) the caller does not know whether the command was executed. So it reads the basket before it
    continues, as the contract says.
    """

    async def call(method: str, path: str, **options: object) -> httpx.Response | None:
        began = monotonic()
        answer = await client.request(method, path, **options)  # type: ignore[arg-type]
        took = monotonic() - began
        witness.calls += 1
        witness.slowest = max(witness.slowest, took)
        if answer.status_code == 200:
            return answer
        if answer.status_code == 503 and may_be_unavailable and "Retry-After" in answer.headers:
            witness.unavailable += 1
        else:
            witness.wrong.append(f"{method} {path} → {answer.status_code} {answer.text[:200]}")
        await asyncio.sleep(0.05)
        return None

    number = 0
    while not stop.is_set():
        number += 1
        external_id = f"{name}-{number}"
        first = f"{external_id}-0"
        begun = await call("POST", "/partner/checkout/initiate", json=order_of(line(first), external_id=external_id))
        if begun is None:
            continue
        basket_id = begun.json()["id"]
        offers, tried = {first}, {first}
        witness.baskets[basket_id] = (int(begun.headers["ETag"].strip('"')), set(offers))
        for step in range(1, 6):
            offer = f"{external_id}-{step}"
            tried.add(offer)
            done = await call(
                "PUT",
                "/partner/checkout/update",
                json={"orderItemActions": [add(offer)]},
                headers=cookie(basket_id),
            )
            if done is not None:
                offers.add(offer)
                witness.baskets[basket_id] = (int(done.headers["ETag"].strip('"')), set(offers))
        judged = await call("POST", f"/partner/checkout/validate/{basket_id}")
        if judged is not None:
            verdict = judged.json()
            version, _ = witness.baskets[basket_id]
            seen = {item["offer"]["id"] for item in verdict["checkout"]["orderItems"]}
            if verdict["basketVersion"] < version or not offers <= seen <= tried:
                witness.wrong.append(f"{basket_id} was judged at {verdict['basketVersion']} with {sorted(seen)}")
