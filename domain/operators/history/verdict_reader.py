"""The verdicts on a basket, with the content of the facts that are their evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import AwareDatetime

from domain.basket.codec import decode, decode_all
from domain.basket.events import BasketValidated
from domain.basket.serialization import entity_tag
from domain.catalogue.facts import Fact
from domain.operators.history.as_of import HistoryEntry
from domain.ports.catalogue import CatalogueHistory
from domain.ports.event_store import EventStore
from domain.shared.errors import BasketNotFound
from domain.shared.eventsourcing import Value
from domain.shared.findings import Finding, LeadsTo, Passed, Remedy, RemedyAction
from domain.validation.revalidate_as_of import NotFoundAsOf

VERDICT: str = BasketValidated.TOPIC


class RemedyCall(Value):
    """A verdict's remedy as it is sent to update."""

    if_match: str
    """The header `If-Match`: the entity tag of the version after the verdict."""
    order_item_actions: tuple[RemedyAction, ...]
    """The body's member."""
    leads_to: LeadsTo
    """What the basket is afterwards, by the facts of the verdict."""

    @classmethod
    def at(cls, version: int, remedy: Remedy) -> RemedyCall:
        """The call for a basket at this version."""
        return cls(
            if_match=entity_tag(version),
            order_item_actions=remedy.order_item_actions,
            leads_to=remedy.leads_to,
        )


class VerdictSummary(Value):
    """A verdict in short."""

    version: int
    """The basket's version after the verdict."""
    basket_version: int
    """The version that was validated."""
    validated_at: AwareDatetime
    ready: bool
    finding_codes: tuple[str, ...]
    """The codes of its findings, each once."""
    remedy: RemedyCall | None = None
    """Null where nothing is wrong, where only the seller can help, and in verdicts of earlier releases."""
    promise: str | None = None
    """What a ready verdict promises, a compact JWS. Null where it promised nothing."""


class VerdictDetails(VerdictSummary):
    """A recorded verdict, with the content of its facts."""

    blocked_products: tuple[Finding, ...]
    validation_errors: tuple[Finding, ...]
    passed: tuple[Passed, ...]
    """The checks that found nothing."""
    evidence: tuple[str, ...]
    """The ids of its facts."""
    facts: Mapping[str, Fact]
    """The facts by their ids. One that was never recorded is missing."""
    catalogue_position: int | None
    """The position of the catalogue then. Null where it was not recorded."""
    last_version: int
    """The basket's version now."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.blocked_products, *self.validation_errors)


def verdict_summaries(entries: Sequence[HistoryEntry]) -> Sequence[VerdictSummary]:
    """The readable verdicts of a history, oldest first."""
    events = [
        decode(entry.data)
        for entry in entries
        if entry.type == VERDICT and entry.occurred_at is not None and isinstance(entry.data, dict)
    ]
    return [VerdictSummary.model_validate(_fields(event)) for event in events if isinstance(event, BasketValidated)]


class VerdictReader:
    """Reads verdicts."""

    def __init__(self, store: EventStore, catalogue: CatalogueHistory) -> None:
        self._store = store
        self._catalogue = catalogue

    async def of(self, basket_id: str, version: int) -> VerdictDetails:
        """The verdict of this version. Raises BasketNotFound, NotFoundAsOf if the version is of another event, and
        StoreUnavailable."""
        stored = await self._store.read_events(basket_id)
        if not stored:
            raise BasketNotFound(basket_id)
        data = next((each.data for each in stored if each.version == version and each.type == VERDICT), None)
        if data is None:
            raise NotFoundAsOf(basket_id, f"whose version {version} is a verdict")
        (event,) = decode_all(b"[" + data + b"]")
        assert isinstance(event, BasketValidated)  # noqa: S101  (for the type checker)
        facts = await self._catalogue.recorded_facts(event.evidence)
        by_id = {fact.fact_id: fact for fact in facts}
        return VerdictDetails.model_validate({**_fields(event), "facts": by_id, "last_version": stored[-1].version})


def _fields(event: BasketValidated) -> dict[str, object]:
    findings = (*event.blocked_products, *event.validation_errors)
    return {
        **dict(event),
        "version": event.originator_version,
        "validated_at": event.timestamp,
        "remedy": None if event.remedy is None else RemedyCall.at(event.originator_version, event.remedy),
        "finding_codes": tuple(dict.fromkeys(finding.code for finding in findings)),
    }
