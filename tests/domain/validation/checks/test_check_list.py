"""The list of checks: nothing of design.md is missing, and each says what it is for."""

from __future__ import annotations

from typing import get_args

from domain.shared.findings import CheckCode
from domain.validation.checks import CHECKS


def test_all_checks_are_there_in_the_order_of_their_findings() -> None:
    assert [check.code for check in CHECKS] == [*get_args(CheckCode)]


def test_every_check_says_what_it_is_for_and_what_it_looks_at() -> None:
    for check in CHECKS:
        assert check.meaning.endswith("."), check.code
        assert check.looks_at


def test_only_what_may_still_be_ordered_is_a_warning() -> None:
    warnings = {check.code for check in CHECKS if check.severity == "warning"}
    assert warnings == {"price_expires_soon", "product_low_stock"}


def test_every_field_of_data_says_what_it_holds() -> None:
    for check in CHECKS:
        names = [field.name for field in check.data]
        assert len({*names}) == len(names)
        assert all(field.description.endswith(".") for field in check.data)
