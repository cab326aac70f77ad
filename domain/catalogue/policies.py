"""Validation policies of partner organisations. They are facts like those of the catalogue: the same models read the
topic of policies, the lines of `checkout catalogue load` and the setting with the defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from domain.catalogue.fact_ids import Epoch, Sequence, fact_id, subject_of
from domain.shared.eventsourcing import Value
from domain.shared.findings import CheckCode
from domain.shared.money import Amount, Money
from domain.shared.values import ARRIVING_WHOLE_NUMBER, NO_ENTRIES, NullIsEmpty, PartnerOrganisation

Level = Literal["error", "warning", "off"]
"""The severity of a check's findings; a check that is off does not run."""


def _at_most_all(percent: Amount) -> Amount:
    if percent > 100:
        raise ValueError("a price is tolerated to differ by at most 100 percent")
    return percent


def _one_a_currency(amounts: tuple[Money, ...]) -> tuple[Money, ...]:
    if len({amount.currency for amount in amounts}) < len(amounts):
        raise ValueError("there is one amount for each currency")
    return amounts


Percent = Annotated[Amount, AfterValidator(_at_most_all)]
Amounts = Annotated[tuple[Money, ...], AfterValidator(_one_a_currency)]


class PriceTolerance(Value):
    """How much a price may rise or fall without a finding. Every limit for its currency must be kept."""

    percent: Percent | None = None
    """The most, in percent of the price before, as a decimal string."""
    amounts: Annotated[Amounts, NO_ENTRIES] = ()
    """The most as an amount, one for each currency."""


class PolicyTerms(Value):
    """The terms of a policy; where one is null or left out, the more general policy applies."""

    checks: Annotated[dict[CheckCode, Level], NullIsEmpty(dict)] = Field(default_factory=dict)
    """The level of each check; checks that are not named keep their own."""
    price_tolerance: PriceTolerance | None = None
    """How much prices may differ from those of the lines and from those that callers expect."""
    maximum_lines: Annotated[int, Field(ge=1), ARRIVING_WHOLE_NUMBER] | None = None
    """The most lines of a basket."""
    maximum_total: Amounts | None = None
    """The highest total of a basket, one amount for each currency."""
    price_expires_within: Annotated[int, Field(ge=0, le=10 * 366 * 24 * 3600), ARRIVING_WHOLE_NUMBER] | None = None
    """How many seconds before its end a price counts as expiring soon."""
    low_stock: Annotated[int, Field(ge=0, le=2**63 - 1), ARRIVING_WHOLE_NUMBER] | None = None
    """Stock is low when fewer than these are left."""
    crashed_check_blocks: bool | None = None
    """Whether a check that crashes makes a basket not ready."""


class PolicyFact(PolicyTerms):
    """The policy of one partner organisation, or of all.

    Terms that an organisation's policy leaves out come from the policy for all, then from the service's settings.
    """

    kind: Literal["policy"] = "policy"
    """The kind of fact."""
    partner: PartnerOrganisation | None = None
    """The partner organisation; null for all."""
    sequence: Sequence
    """The sender's version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        return policy_subject(self.partner)

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)


def policy_subject(partner: str | None) -> str:
    """The subject of the policy of an organisation, or of all."""
    return subject_of("policy", partner)
