"""The shapes that other shapes are made of: amounts, and the base of all. Class names stand in published schemas."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from domain.shared.money import INTERVAL_PATTERN

Amount = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]


class ResponseSchema(BaseModel):
    """The text under a field is its description in what is published."""

    model_config = ConfigDict(alias_generator=to_camel, use_attribute_docstrings=True)


class MoneyShape(ResponseSchema):
    """An amount in a currency."""

    amount: Amount
    """The amount as a decimal string, such as 10.00."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    """The currency, ISO 4217."""


class PriceShape(MoneyShape):
    """An amount in a currency, paid once or again and again."""

    interval: Annotated[str, Field(pattern=INTERVAL_PATTERN, examples=["P1M"])] | None = None
    """The time between two payments, an ISO 8601 duration such as P1M; null for an amount that is paid once."""
