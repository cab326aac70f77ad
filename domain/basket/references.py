"""Which baskets a catalogue fact may matter to: by names that baskets and facts share.

A verdict looks at the offers of the basket's lines and at the products that those are made of, by the catalogue
or as the lines remember them, and at the policies of its organisation. So a fact about an offer touches the baskets
that hold the offer, a fact about a product those that hold the product or an offer that is made of it, and a
policy those that it is for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from domain.basket.basket import Basket
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports.catalogue import CatalogueHistory


def offers_of(basket: Basket) -> set[str]:
    """The ids of the offers that the basket holds."""
    return {item.offer.id for item in basket.items.values()}


def products_of(basket: Basket) -> set[str]:
    """The codes of the products that its lines remember."""
    return {product.product_code for item in basket.items.values() for product in item.offer.products}


def references_of(basket: Basket) -> frozenset[str]:
    """The names that an open basket is found by; none for one that is over."""
    if basket.status != "open":
        return frozenset()
    return frozenset(
        {
            *map(offer_reference, offers_of(basket)),
            *map(product_reference, products_of(basket)),
            policy_reference(basket.partner),
            policy_reference(None),
        }
    )


def reference_of(fact: Fact) -> str:
    """The name of what the fact is about."""
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
    """The names of what the facts are about, and of the offers that are made of it as is known now."""
    codes = {fact.product_code for fact in facts if isinstance(fact, AvailabilityFact)}
    offers = await history.offers_made_of(codes) if codes else ()
    return frozenset({*map(reference_of, facts), *map(offer_reference, offers)})


def offer_reference(offer_id: str) -> str:
    return f"offer/{offer_id}"


def product_reference(product_code: str) -> str:
    return f"product/{product_code}"


def policy_reference(partner: str | None) -> str:
    """Of the policy of one organisation, or of all."""
    return "policy" if partner is None else f"policy/{partner}"
