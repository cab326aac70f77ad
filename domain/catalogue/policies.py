"""What a partner organisation's baskets are judged by, as a fact beside the catalogue's: the same models
read the topic of policies, the lines of `checkout catalogue load` and the setting with the defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from domain.catalogue.fact_ids import (
    Epoch,
    Sequence,
    fact_id,
    subject_of,
)
from domain.shared.check_codes import CheckCode
from domain.shared.eventsourcing import Value
from domain.shared.values import (
    WHOLE_NUMBER,
    Amount,
    Money,
    PartnerOrganisation,
)

Level = Literal["error", "warning", "off"]
"""How grave what a check finds is; a check that is off is not made."""


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
    """By how much a price may differ, up or down, without being told: within all that is said for its
    currency."""

    percent: Percent | None = None
    """At most so many percent of the price before, as a decimal string."""
    amounts: Amounts = ()
    """At most so much, one amount for each currency."""


class PolicyTerms(Value):
    """The terms of a policy; null or left out says nothing, and the more general policy holds."""

    checks: dict[CheckCode, Level] = Field(default_factory=dict)
    """How grave what each check finds is, or that it is not made; checks that are not named keep theirs."""
    price_tolerance: PriceTolerance | None = None
    """By how much prices may differ from those of the lines and those that callers expect."""
    maximum_lines: Annotated[int, Field(ge=1), WHOLE_NUMBER] | None = None
    """The most lines of a basket."""
    maximum_total: Amounts | None = None
    """The most that a basket may come to, one amount for each currency."""
    price_expires_within: Annotated[int, Field(ge=0, le=10 * 366 * 24 * 3600), WHOLE_NUMBER] | None = None
    """So many seconds before its end a price is told to expire soon."""
    low_stock: Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE_NUMBER] | None = None
    """Where fewer than these are left, stock is told to be low."""
    crashed_check_blocks: bool | None = None
    """Whether a check that crashes makes a basket not ready."""


class PolicyFact(PolicyTerms):
    """What the baskets of one partner organisation, or of all, are judged by.

    What the policy of an organisation does not say, the policy of all says, and else the service's settings.
    """

    kind: Literal["policy"] = "policy"
    """What kind of fact it is."""
    partner: PartnerOrganisation | None = None
    """The partner organisation that it is for; null for all."""
    sequence: Sequence
    """The sender's own version of this fact: the higher one is the newer."""
    epoch: Epoch = 0

    @property
    def subject(self) -> str:
        return policy_subject(self.partner)

    @property
    def fact_id(self) -> str:
        return fact_id(self.subject, self.sequence, self.epoch)


def policy_subject(partner: str | None) -> str:
    """What the policy of an organisation, or of all, is kept under."""
    return subject_of("policy", partner)
