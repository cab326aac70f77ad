"""Forgetting the personal data of a basket. It cannot be taken back."""

from __future__ import annotations

from fastapi import APIRouter

from adapters.container import Container
from api.operators.authentication import ReasonBody, RequestIdentity, operator_from_token
from api.operators.baskets import BasketPath
from api.operators.problems import NotConfirmed, problems
from api.operators.strict_json_route import StrictJsonRoute
from domain.operators.erasure import BasketSelection, ErasureResult, NothingToErase
from domain.shared.errors import BasketNotFound


class ForgetBasket(ReasonBody):
    """Why, and which basket, once more."""

    confirm: str
    """The basket's id, typed once more."""


def router(parts: Container) -> APIRouter:
    routes = APIRouter(tags=["personal data"], route_class=StrictJsonRoute)

    @routes.post(
        "/baskets/{basketId}/forget",
        summary="Destroy the keys of a basket's personal data, for good",
        responses=problems(404, 415),
    )
    async def forget_basket(
        basket_id: BasketPath, meant: ForgetBasket, signed: RequestIdentity
    ) -> ErasureResult:
        """The basket stays, and its history stays countable; what `tracking` and `customFields` held is gone. A
        person's baskets, by the organisation's own id of the person, are forgotten by `checkout forget --subject`."""
        if meant.confirm != basket_id:
            raise NotConfirmed("`confirm` must be the basket's id: what is forgotten is gone for good")
        try:
            return await parts.erasure.erase(
                BasketSelection(basket_ids=(basket_id,)), operator_from_token(signed, meant.reason)
            )
        except NothingToErase as error:
            raise BasketNotFound(basket_id) from error

    return routes
