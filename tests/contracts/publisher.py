"""The contract of every Publisher. The suite of an adapter subclasses it and provides the fixture `settings`, and
`publisher`, which uses these settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from adapters.kafka.topics import BASKET_EVENTS, BASKETS, VALIDATION_RESULTS
from adapters.settings import Settings
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import Publication, Publisher, PublisherCheckpoint
from domain.shared.request_span import RequestSpan
from tests.basket_traffic import by_basket, topic_content

WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def stored(basket_id: str, version: int, position: int, type: str = "checkout.x.v1") -> StoredEvent:
    return StoredEvent(
        position=position,
        stream_id=basket_id,
        version=version,
        type=type,
        data=b'{"basketId":"%s","version":%d,"occurredAt":"2026-11-23T12:00:00Z"}' % (basket_id.encode(), version),
        metadata=b'{"partner":"acme","traceparent":"00-1-2-01"}',
        recorded_at=WHEN,
    )


def some_events(count: int, baskets: int = 5) -> Sequence[StoredEvent]:
    """Events of several baskets, interleaved, at positions with gaps."""
    ids = [f"basket-{uuid4()}" for _ in range(baskets)]
    return [stored(ids[n % baskets], n // baskets + 1, 3 * n + 1) for n in range(count)]


def publications(events: Sequence[StoredEvent]) -> Sequence[Publication]:
    return [publication(event) for event in events]


def publication(event: StoredEvent, verdict: bytes | None = None) -> Publication:
    """The event as the only one of its request."""
    return Publication(event, RequestSpan(event.version, event.version), verdict)


def ids(events: Sequence[StoredEvent]) -> set[str]:
    return {event.stream_id for event in events}


class PublisherContract:
    async def test_a_new_publisher_starts_at_zero(self, publisher: Publisher) -> None:
        async with publisher.session() as session:
            assert session.published.position == 0

    async def test_it_knows_the_last_published_event(self, publisher: Publisher) -> None:
        events = some_events(7)
        async with publisher.session() as session:
            await session.publish(publications(events))
        async with publisher.session() as session:
            last = events[-1]
            assert session.published == PublisherCheckpoint(last.position, f"{last.stream_id}/{last.version}")

    async def test_its_checkpoint_can_be_reset_also_backwards(self, publisher: Publisher, settings: Settings) -> None:
        events = some_events(6, baskets=1)
        async with publisher.session() as session:
            await session.publish(publications(events))
            await session.go_on_after(PublisherCheckpoint(events[3].position, "basket-1/4"))
        async with publisher.session() as session:
            assert session.published == PublisherCheckpoint(events[3].position, "basket-1/4")
            await session.publish(publications(events[4:]))
        assert len(await topic_content(settings, BASKET_EVENTS, ids(events))) == 8

    async def test_every_event_arrives_once_unchanged_and_in_order_per_basket(
        self, publisher: Publisher, settings: Settings
    ) -> None:
        events = some_events(3_000)
        async with publisher.session() as session:
            await session.publish(publications(events[:2_000]))
            await session.publish(publications(events[2_000:]))

        found = by_basket(await topic_content(settings, BASKET_EVENTS, ids(events)))
        assert found == {id: [event.data for event in events if event.stream_id == id] for id in ids(events)}

    async def test_a_session_continues_where_the_last_one_ended(self, publisher: Publisher) -> None:
        events = some_events(30)
        async with publisher.session() as session:
            await session.publish(publications(events[:10]))
            assert session.published.position == events[9].position
            await session.publish(publications(events[10:20]))
        async with publisher.session() as session:
            assert session.published.position == events[19].position
            await session.publish(publications(events[20:]))
        async with publisher.session() as session:
            assert session.published.position == events[29].position

    async def test_a_complete_verdict_is_published_beside_its_event(
        self, publisher: Publisher, settings: Settings
    ) -> None:
        first, second = some_events(2, baskets=1)
        verdict = b'{"ready":false}'
        async with publisher.session() as session:
            await session.publish([publication(first), publication(second, verdict)])

        (result,) = await topic_content(settings, VALIDATION_RESULTS, [second.stream_id])
        assert result.message.value == verdict
        assert result.message.header("ce_id") == f"{second.stream_id}/2/verdict"
        assert result.message.header("ce_type") == "checkout.validation-result.v1"
        assert len(await topic_content(settings, BASKET_EVENTS, [second.stream_id])) == 2

    async def test_the_basket_is_published_beside_the_last_event_of_a_request(
        self, publisher: Publisher, settings: Settings
    ) -> None:
        first, second, third = some_events(3, baskets=1)
        request, state = RequestSpan(1, 2), b'{"id":"x","order":{}}'
        async with publisher.session() as session:
            await session.publish(
                [
                    Publication(first, request),
                    Publication(second, request, state=state),
                    Publication(third, RequestSpan(3, 3), retired=True),
                ]
            )

        found = await topic_content(settings, BASKETS, [first.stream_id])
        assert [(each.message.value, each.message.header("ce_id")) for each in found] == [
            (state, f"{first.stream_id}/2/state"),
            (None, f"{first.stream_id}/3/tombstone"),
        ]
        assert {each.message.header("ce_type") for each in found} == {"checkout.basket.v1"}

    async def test_tombstones_are_recorded_with_their_position(self, publisher: Publisher, settings: Settings) -> None:
        events = some_events(4, baskets=2)
        async with publisher.session() as session:
            assert await session.retired() == 0
            await session.publish(publications(events))
            await session.retire(publications(events[2:]), 7)
        async with publisher.session() as session:
            assert (await session.retired(), session.published.position) == (7, events[-1].position)
            await session.retire([], 9)
            assert await session.retired() == 9
        found = await topic_content(settings, BASKETS, ids(events))
        assert sorted(each.message.header("ce_id") or "" for each in found) == sorted(
            f"{event.stream_id}/2/tombstone" for event in events[2:]
        )

    async def test_a_publisher_that_is_put_back_counts_later_ends_as_not_retired(self, publisher: Publisher) -> None:
        events = some_events(4, baskets=1)
        async with publisher.session() as session:
            await session.publish(publications(events))
            await session.retire([], events[-1].position)
            await session.go_on_after(PublisherCheckpoint(events[1].position, "basket-1/2"))
            assert await session.retired() == events[1].position

    async def test_more_is_asked_for_until_nothing_is_left(self, publisher: Publisher, settings: Settings) -> None:
        events = some_events(3, baskets=1)
        left = [*map(publication, events[1:])]

        async def more() -> Sequence[Publication]:
            return [left.pop(0)] if left else []

        reached = PublisherCheckpoint(40, "basket-1/1")
        async with publisher.session() as session:
            await session.publish_until_settled(publications(events[:1]), reached, more)
        async with publisher.session() as session:
            assert session.published == reached
        found = by_basket(await topic_content(settings, BASKET_EVENTS, ids(events)))
        assert found == {events[0].stream_id: [event.data for event in events]}

    async def test_a_verdict_may_be_as_large_as_that_of_the_largest_basket(
        self, publisher: Publisher, settings: Settings
    ) -> None:
        (event,) = some_events(1)
        verdict = b'{"padding":"' + b"x" * 12 * 1024 * 1024 + b'"}'
        async with publisher.session() as session:
            await session.publish([publication(event, verdict)])

        (result,) = await topic_content(settings, VALIDATION_RESULTS, [event.stream_id])
        assert result.message.value == verdict
