"""The contract of every EventStore. The suite of an adapter subclasses it and provides the fixtures `store` and
`forgetful_store`, which keeps responses for `SHORTLY` seconds."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from domain.ports.event_store import (
    AlreadyAnswered,
    Append,
    Appended,
    ClaimTaken,
    Conflict,
    EventStore,
    StoredResponse,
    StoredStream,
)
from tests.builders.appends import a_response, a_stream, an_append, an_idempotency_key, names_of
from tests.servers.waiting import eventually

SHORTLY = 0.3


class EventStoreContract:
    async def test_one_read_returns_many_streams_in_the_requested_order(self, store: EventStore) -> None:
        one, two = a_stream(), a_stream()
        await store.append(an_append(one))
        await store.append(an_append(two))

        read = await store.read_streams([two, a_stream(), one])

        assert read == [
            await store.read_stream(two),
            StoredStream(None, b"[]"),
            await store.read_stream(one),
        ]

    async def test_a_stream_without_events_is_empty(self, store: EventStore) -> None:
        stream = await store.read_stream(a_stream())
        assert (stream.snapshot, stream.events) == (None, b"[]")
        assert list(await store.read_events(a_stream())) == []

    async def test_events_come_back_in_order_and_byte_for_byte(self, store: EventStore) -> None:
        stream = a_stream()
        first, second = an_append(stream, 0, "a", "b"), an_append(stream, 2, "ü")
        await store.append(first)
        await store.append(second)

        stored = await store.read_events(stream)
        written = [*first.events, *second.events]
        assert [(event.type, event.data, event.metadata) for event in stored] == [
            (event.type, event.data, event.metadata) for event in written
        ]
        assert [(event.stream_id, event.version) for event in stored] == [(stream, n) for n in (1, 2, 3)]
        assert stored[0].recorded_at.tzinfo is not None
        assert await names_of(store, stream) == ["a", "b", "ü"]

    async def test_a_read_starts_after_the_known_version(self, store: EventStore) -> None:
        stream = a_stream()
        await store.append(an_append(stream, 0, "a", "b", "c"))
        assert await names_of(store, stream, 2) == ["c"]
        assert await names_of(store, stream, 3) == []
        assert [event.version for event in await store.read_events(stream, 1)] == [2, 3]

    async def test_an_append_returns_the_position_of_its_last_event(self, store: EventStore) -> None:
        stream = a_stream()
        appended = await store.append(an_append(stream, 0, "a", "b"))
        assert appended == Appended((await store.read_events(stream))[-1].position)

    async def test_positions_grow_with_every_append(self, store: EventStore) -> None:
        outcomes = [await store.append(an_append(a_stream())) for _ in range(5)]
        positions = [outcome.last_position or 0 for outcome in outcomes if isinstance(outcome, Appended)]
        assert len(positions) == 5
        assert positions == sorted(set(positions))

    async def test_an_append_at_a_wrong_version_is_a_conflict(self, store: EventStore) -> None:
        stream = a_stream()
        await store.append(an_append(stream, 0, "a", "b"))
        for wrong in (0, 1, 3):
            assert await store.append(an_append(stream, wrong, "x", "y")) == Conflict()
        assert await store.append(an_append(a_stream(), 1, "x")) == Conflict()
        assert await names_of(store, stream) == ["a", "b"]

    async def test_one_of_many_concurrent_appends_at_one_version_succeeds(self, store: EventStore) -> None:
        stream = a_stream()
        names = [f"by {n}" for n in range(20)]
        outcomes = await asyncio.gather(*(store.append(an_append(stream, 0, name, name)) for name in names))

        winners = [name for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, Appended)]
        assert outcomes.count(Conflict()) == 19
        assert await names_of(store, stream) == winners * 2

    async def test_a_conflict_does_not_affect_concurrent_appends(self, store: EventStore) -> None:
        taken = [a_stream() for _ in range(10)]
        for stream in taken:
            await store.append(an_append(stream, 0, "first"))
        free = [a_stream() for _ in range(30)]

        outcomes = await asyncio.gather(
            *(store.append(an_append(stream, 0, "a", "b", "c")) for stream in [*taken, *free])
        )

        assert outcomes[:10] == [Conflict()] * 10
        assert all(isinstance(outcome, Appended) for outcome in outcomes[10:])
        assert [await names_of(store, stream) for stream in taken] == [["first"]] * 10
        assert [await names_of(store, stream) for stream in free] == [["a", "b", "c"]] * 30

    async def test_many_callers_that_retry_lose_nothing(self, store: EventStore) -> None:
        stream = a_stream()

        async def add(name: str) -> None:
            while True:
                version = len(await store.read_events(stream))
                if isinstance(await store.append(an_append(stream, version, name)), Appended):
                    return

        await asyncio.gather(*(add(str(n)) for n in range(12)))
        assert sorted(await names_of(store, stream), key=int) == [str(n) for n in range(12)]

    async def test_a_claimed_name_belongs_to_one_stream(self, store: EventStore) -> None:
        mine, other, name = a_stream(), a_stream(), f"acme\x1f{uuid4()}"
        assert await store.find_claim(name) is None
        assert isinstance(await store.append(an_append(mine, 0, claims=[name])), Appended)
        assert await store.append(an_append(other, 0, claims=[name])) == ClaimTaken()
        assert await store.find_claim(name) == mine
        assert await names_of(store, other) == []

    async def test_two_streams_never_hold_one_name(self, store: EventStore) -> None:
        name, streams = str(uuid4()), [a_stream() for _ in range(10)]
        outcomes = await asyncio.gather(*(store.append(an_append(stream, 0, claims=[name])) for stream in streams))
        holders = [stream for stream in streams if await names_of(store, stream)]
        assert outcomes.count(ClaimTaken()) == 9
        assert holders == [await store.find_claim(name)]

    async def test_a_stream_may_claim_again_what_it_holds(self, store: EventStore) -> None:
        stream, name = a_stream(), str(uuid4())
        await store.append(an_append(stream, 0, claims=[name]))
        assert isinstance(await store.append(an_append(stream, 1, claims=[name])), Appended)

    async def test_a_released_name_is_free(self, store: EventStore) -> None:
        old, new, name = a_stream(), a_stream(), str(uuid4())
        await store.append(an_append(old, 0, claims=[name]))
        await store.append(an_append(old, 1, releases=[name]))
        assert await store.find_claim(name) is None
        assert isinstance(await store.append(an_append(new, 0, claims=[name])), Appended)
        assert await store.find_claim(name) == new

    async def test_a_name_that_another_stream_holds_cannot_be_released(self, store: EventStore) -> None:
        mine, other, name = a_stream(), a_stream(), str(uuid4())
        await store.append(an_append(mine, 0, claims=[name]))
        await store.append(an_append(other, 0, releases=[name]))
        assert await store.find_claim(name) == mine

    async def test_one_append_may_release_a_name_and_claim_another(self, store: EventStore) -> None:
        stream, old, new = a_stream(), str(uuid4()), str(uuid4())
        await store.append(an_append(stream, 0, claims=[old]))
        await store.append(an_append(stream, 1, claims=[new], releases=[old]))
        assert [await store.find_claim(name) for name in (old, new)] == [None, stream]

    async def test_a_conflict_changes_no_claims_and_no_responses(self, store: EventStore) -> None:
        stream, held, wanted, key = a_stream(), str(uuid4()), str(uuid4()), an_idempotency_key()
        await store.append(an_append(stream, 0, claims=[held]))
        stale = an_append(stream, 0, claims=[wanted], releases=[held], response=(key, a_response()))
        assert await store.append(stale) == Conflict()
        assert [await store.find_claim(name) for name in (held, wanted)] == [stream, None]
        assert await store.find_response(key.scope, key.key) is None

    async def test_a_response_is_stored_with_its_events(self, store: EventStore) -> None:
        key, answer, stream = an_idempotency_key(b"\x00\xff"), a_response(b"\x80"), a_stream()
        assert await store.find_response(key.scope, key.key) is None
        await store.append(an_append(stream, 0, response=(key, answer)))
        assert await store.find_response(key.scope, key.key) == StoredResponse(b"\x00\xff", answer)
        assert await store.find_response("other/update", key.key) is None

    async def test_a_key_with_a_response_admits_no_more_events(self, store: EventStore) -> None:
        key, stream = an_idempotency_key(), a_stream()
        await store.append(an_append(stream, 0, "first", response=(key, a_response())))
        # Whatever else is wrong, the caller must get the stored response.
        for version in (1, 0):
            again = an_append(stream, version, "second", response=(key, a_response(b"other")))
            assert await store.append(again) == AlreadyAnswered()
        assert await names_of(store, stream) == ["first"]
        assert await store.find_response(key.scope, key.key) == StoredResponse(b"digest", a_response())

    async def test_a_stored_response_takes_precedence_over_a_taken_claim_or_a_conflict(self, store: EventStore) -> None:
        key, first, second, claim = an_idempotency_key(), a_stream(), a_stream(), a_stream()
        await store.append(an_append(first, 0, claims=[claim], response=(key, a_response())))
        for version in (0, 3):
            twin = an_append(second, version, claims=[claim], response=(key, a_response(b"other")))
            assert await store.append(twin) == AlreadyAnswered()
            nothing = Append(first, version, (), response=(key, a_response(b"other")))
            assert await store.append(nothing) == AlreadyAnswered()
        assert not await store.store_response(key, a_response(b"other"))
        assert (await names_of(store, second), await store.find_claim(claim)) == ([], first)

    async def test_a_key_with_a_stored_refusal_admits_no_events(self, store: EventStore) -> None:
        key, stream = an_idempotency_key(), a_stream()
        await store.append(an_append(stream))
        assert await store.store_response(key, a_response(b"refused"))
        assert await store.append(an_append(stream, 1, response=(key, a_response()))) == AlreadyAnswered()
        assert await names_of(store, stream) == ["happened"]

    async def test_one_of_a_concurrent_refusal_and_append_is_stored(self, store: EventStore) -> None:
        for _ in range(20):
            key, stream = an_idempotency_key(), a_stream()
            refused, outcome = await asyncio.gather(
                store.store_response(key, a_response(b"refused")),
                store.append(an_append(stream, 0, response=(key, a_response(b"done")))),
            )
            found = await store.find_response(key.scope, key.key)
            assert found is not None
            assert refused == (outcome == AlreadyAnswered()) == (found.response.body == b"refused")
            assert len(await names_of(store, stream)) == (0 if refused else 1)

    async def test_one_of_many_appends_with_one_key_succeeds(self, store: EventStore) -> None:
        key, streams = an_idempotency_key(), [a_stream() for _ in range(10)]
        outcomes = await asyncio.gather(
            *(store.append(an_append(stream, 0, response=(key, a_response()))) for stream in streams)
        )
        assert outcomes.count(AlreadyAnswered()) == 9
        assert sum([len(await names_of(store, stream)) for stream in streams]) == 1

    async def test_a_response_without_events_is_stored_only_at_the_expected_version(self, store: EventStore) -> None:
        stream, refused, answered = a_stream(), an_idempotency_key(), an_idempotency_key()
        await store.append(an_append(stream))
        stale = Append(stream, 0, (), response=(refused, a_response()))
        assert await store.append(stale) == Conflict()
        current = Append(stream, 1, (), response=(answered, a_response()))
        assert await store.append(current) == Appended(None)
        assert await store.find_response(refused.scope, refused.key) is None
        assert await store.find_response(answered.scope, answered.key) is not None

    async def test_a_key_gets_one_response(self, store: EventStore) -> None:
        key = an_idempotency_key()
        assert await store.store_response(key, a_response())
        assert not await store.store_response(key, a_response(b"other"))
        assert not await store.store_response(key, a_response())
        assert await store.find_response(key.scope, key.key) == StoredResponse(b"digest", a_response())

    async def test_responses_for_different_keys_are_stored_concurrently(self, store: EventStore) -> None:
        keys = [an_idempotency_key() for _ in range(20)]
        assert all(await asyncio.gather(*(store.store_response(key, a_response()) for key in keys)))

    async def test_a_response_expires_and_its_key_may_be_used_again(self, forgetful_store: EventStore) -> None:
        key, stream = an_idempotency_key(), a_stream()
        await forgetful_store.store_response(key, a_response())

        async def forgotten() -> bool:
            return await forgetful_store.find_response(key.scope, key.key) is None

        assert not await forgotten()
        await eventually(forgotten, limit=20 * SHORTLY)
        again = an_append(stream, 0, response=(key, a_response(b"new")))
        assert isinstance(await forgetful_store.append(again), Appended)
        assert await forgetful_store.find_response(key.scope, key.key) == StoredResponse(b"digest", a_response(b"new"))

    async def test_a_cancelled_caller_does_not_affect_others(self, store: EventStore) -> None:
        streams = [a_stream() for _ in range(30)]
        callers = [asyncio.ensure_future(store.append(an_append(stream, 0, "a", "b"))) for stream in streams]
        for caller in callers[::3]:
            caller.cancel()
        await asyncio.sleep(0)  # the others are under way now
        for caller in callers[1::3]:
            caller.cancel()

        outcomes = await asyncio.gather(*callers, return_exceptions=True)

        assert all(isinstance(outcome, Appended) for outcome in outcomes[2::3])
        # Completely or not at all, even for cancelled callers.
        assert [await names_of(store, stream) for stream in streams[2::3]] == [["a", "b"]] * 10
        for stream in streams:
            assert await names_of(store, stream) in ([], ["a", "b"])
