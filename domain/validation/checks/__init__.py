"""The checks: pure, named functions of a `ValidationContext`. Findings keep the order of `CHECKS`."""

from __future__ import annotations

from domain.validation.check import Check
from domain.validation.checks import basket, compatibility, offers, prices, products, quantities

CHECKS: tuple[Check, ...] = tuple(
    value
    for module in (basket, offers, quantities, compatibility, prices, products)
    for value in vars(module).values()
    if isinstance(value, Check)
)
"""All checks of these modules, in the order of their definition."""
