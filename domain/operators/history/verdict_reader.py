"""The verdicts on a basket with what they rest on: each fact with its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import AwareDatetime

from domain.basket.codec import decode, decode_all
from domain.basket.events import BasketValidated
from domain.catalogue.facts import Fact
from domain.operators.history.as_of import HistoryEntry
from domain.ports.catalogue import CatalogueHistory
from domain.ports.event_store import EventStore
from domain.shared.errors import BasketNotFound
from domain.shared.eventsourcing import Value
from domain.shared.findings import Finding, Passed
from domain.validation.revalidate_as_of import NotFoundAsOf

VERDICT: str = BasketValidated.TOPIC


class VerdictSummary(Value):
    """A verdict, in short."""

    version: int
    """The basket's version that the verdict itself made."""
    basket_version: int
    """The version that was judged."""
    validated_at: AwareDatetime
    ready: bool
    finding_codes: tuple[str, ...]
    """What was found, each code once."""


class VerdictDetails(VerdictSummary):
    """A verdict as it was recorded, and what the facts that it rests on say."""

    blocked_products: tuple[Finding, ...]
    validation_errors: tuple[Finding, ...]
    passed: tuple[Passed, ...]
    """The checks that found nothing."""
    evidence: tuple[str, ...]
    """The ids of the facts that it rests on."""
    facts: Mapping[str, Fact]
    """These facts by their ids; one that was never recorded is missing."""
    catalogue_position: int | None
    """How far the catalogue was; null where that was not recorded."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.blocked_products, *self.validation_errors)


def verdict_summaries(entries: Sequence[HistoryEntry]) -> Sequence[VerdictSummary]:
    """The verdicts of a history that can be read, oldest first."""
    events = [
        decode(entry.data)
        for entry in entries
        if entry.type == VERDICT and entry.occurred_at is not None and isinstance(entry.data, dict)
    ]
    return [
        VerdictSummary.model_validate(_short(event)) for event in events if isinstance(event, BasketValidated)
    ]


class VerdictReader:
    """Reads verdicts."""

    def __init__(self, store: EventStore, catalogue: CatalogueHistory) -> None:
        self._store = store
        self._catalogue = catalogue

    async def of(self, basket_id: str, version: int) -> VerdictDetails:
        """The verdict that made this version. Raises BasketNotFound, NotFoundAsOf where the version is not a
        verdict's, and StoreUnavailable."""
        stored = await self._store.read_events(basket_id)
        if not stored:
            raise BasketNotFound(basket_id)
        data = next((each.data for each in stored if each.version == version and each.type == VERDICT), None)
        if data is None:
            raise NotFoundAsOf(basket_id, f"whose version {version} is a verdict")
        (event,) = decode_all(b"[" + data + b"]")
        assert isinstance(event, BasketValidated)  # noqa: S101  (for the type checker)
        facts = await self._catalogue.recorded_facts(event.evidence)
        return VerdictDetails.model_validate(
            {
                **_short(event),
                "blocked_products": event.blocked_products,
                "validation_errors": event.validation_errors,
                "passed": event.passed,
                "evidence": event.evidence,
                "facts": {fact.fact_id: fact for fact in facts},
                "catalogue_position": event.catalogue_position,
            }
        )


def _short(event: BasketValidated) -> dict[str, object]:
    findings = (*event.blocked_products, *event.validation_errors)
    return {
        "version": event.originator_version,
        "basket_version": event.basket_version,
        "validated_at": event.timestamp,
        "ready": event.ready,
        "finding_codes": tuple(dict.fromkeys(finding.code for finding in findings)),
    }
