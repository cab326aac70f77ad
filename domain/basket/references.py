"""Finds the baskets that a catalogue fact may matter to: by references that baskets and facts share.

A verdict rests on the offers of a basket's lines, on the products of those offers (as the catalogue or as the lines
know them), and on the policies of its organisation. So a fact about an offer touches the baskets with that offer. A
fact about a product touches the baskets with that product, or with an offer that contains it. A policy touches the
baskets of its organisation.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from domain.basket.basket import Basket
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports.catalogue import CatalogueHistory


def offers_of(basket: Basket) -> set[str]:
    """The ids of the offers on the basket's lines."""
    return {item.offer.id for item in basket.items.values()}


def products_of(basket: Basket) -> set[str]:
    """The product codes on the basket's lines."""
    return {product.product_code for item in basket.items.values() for product in item.offer.products}


def references_of(basket: Basket) -> frozenset[str]:
    """The references of an open basket; none of a closed one."""
    if basket.status != "open":
        return frozenset()
    return frozenset(
        (
            *map(offer_reference, offers_of(basket)),
            *map(product_reference, products_of(basket)),
            policy_reference(basket.partner),
            policy_reference(None),
        )
    )


def reference_of(fact: Fact) -> str:
    match fact:
        case OfferFact():
            return offer_reference(fact.id)
        case PriceFact():
            return offer_reference(fact.offer_id)
        case AvailabilityFact():
            return product_reference(fact.product_code)
        case PolicyFact():
            return policy_reference(fact.partner)
        case _:
            assert_never(fact)


async def references_touched_by(facts: Collection[Fact], history: CatalogueHistory) -> frozenset[str]:
    """The references of the facts, and of the offers that contain their products now."""
    codes = {fact.product_code for fact in facts if isinstance(fact, AvailabilityFact)}
    offers = await history.offers_made_of(codes) if codes else ()
    return frozenset({*map(reference_of, facts), *map(offer_reference, offers)})


def offer_reference(offer_id: str) -> str:
    return f"offer/{offer_id}"


def product_reference(product_code: str) -> str:
    return f"product/{product_code}"


def policy_reference(partner: str | None) -> str:
    """None: the policy of all organisations."""
    return "policy" if partner is None else f"policy/{partner}"
