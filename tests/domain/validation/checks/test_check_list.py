"""The list of checks is complete, and each check is documented."""

from __future__ import annotations

from typing import get_args

from domain.shared.findings import CheckCode
from domain.validation.checks import CHECKS


def test_every_code_has_a_check_in_the_order_of_findings() -> None:
    assert [check.code for check in CHECKS] == [*get_args(CheckCode)]


def test_every_check_has_a_meaning_and_says_what_it_looks_at() -> None:
    for check in CHECKS:
        assert check.meaning.endswith("."), check.code
        assert check.looks_at


def test_only_findings_that_allow_an_order_are_warnings() -> None:
    warnings = {check.code for check in CHECKS if check.severity == "warning"}
    assert warnings == {"mixed_rates", "price_expires_soon", "price_not_payable", "product_low_stock"}


def test_every_field_of_data_has_a_description() -> None:
    for check in CHECKS:
        names = [field.name for field in check.data]
        assert len({*names}) == len(names)
        assert all(field.description.endswith(".") for field in check.data)


def test_only_mixed_rates_is_off_unless_a_policy_turns_it_on() -> None:
    assert [check.code for check in CHECKS if check.level == "off"] == ["mixed_rates"]
    assert all(check.level == check.severity for check in CHECKS if check.level != "off")
