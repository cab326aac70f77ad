"""Forgetting the personal data of a basket. It cannot be taken back."""

from __future__ import annotations

from fastapi import APIRouter

from adapters.wiring import Parts
from domain.errors import BasketNotFound
from domain.operating.forgetting import Forgotten, NothingToForget, TheseBaskets
from operations.api.acting import Signed, Why, operator
from operations.api.baskets import BasketPath
from operations.api.problems import NotConfirmed, problems
from operations.api.strict_body import StrictRoute


class Forget(Why):
    """Why, and which basket, once more."""

    confirm: str
    """The basket's id, typed once more."""


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["personal data"], route_class=StrictRoute)

    @routes.post(
        "/baskets/{basketId}/forget",
        summary="Destroy the keys of a basket's personal data, for good",
        responses=problems(404, 415),
    )
    async def forget_basket(basket_id: BasketPath, meant: Forget, signed: Signed) -> Forgotten:
        """The basket stays, and its history stays countable; what `tracking` and `customFields` held is gone. A
        person's baskets, by the organisation's own id of the person, are forgotten by `checkout forget --subject`."""
        if meant.confirm != basket_id:
            raise NotConfirmed("`confirm` must be the basket's id: what is forgotten is gone for good")
        try:
            return await parts.forgetting.forget(
                TheseBaskets(basket_ids=(basket_id,)), operator(signed, meant.reason)
            )
        except NothingToForget as error:
            raise BasketNotFound(basket_id) from error

    return routes
