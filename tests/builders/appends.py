"""Appends for the contract suites, with defaults for values that do not matter."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from uuid import uuid4

from uuid_utils import uuid7

from domain.ports.event_store import Append, EventStore, IdempotencyKey, NewEvent, RenderedResponse


def a_stream() -> str:
    """A new stream of a basket that was created some months ago, or will be: in any partition of the store."""
    return f"basket-{uuid7(int(time.time()) + 86_400 * random.randrange(-90, 120))}"


def an_event(name: str = "happened", **data: object) -> NewEvent:
    """No two events are equal, like those of two commands: each metadata has its own id."""
    return NewEvent(
        type=f"test.{name}.v1",
        data=json.dumps({"name": name, **data}).encode(),
        metadata=json.dumps({"causationId": str(uuid4())}).encode(),
    )


def an_append(
    stream_id: str,
    expected_version: int = 0,
    *names: str,
    claims: Sequence[str] = (),
    releases: Sequence[str] = (),
    response: tuple[IdempotencyKey, RenderedResponse] | None = None,
) -> Append:
    """An append with one event for each name; without names, one event."""
    events = [an_event(name) for name in names or ("happened",)]
    return Append(stream_id, expected_version, events, claims, releases, response)


def an_idempotency_key(fingerprint: bytes = b"digest") -> IdempotencyKey:
    return IdempotencyKey("acme/update", str(uuid4()), fingerprint)


def a_response(body: bytes = b'{"id":"basket-1"}') -> RenderedResponse:
    return RenderedResponse(200, {"ETag": '"7"', "Set-Cookie": 'landing_state="x"; Path=/'}, body)


async def names_of(store: EventStore, stream_id: str, after_version: int = 0) -> list[str]:
    """The names of a stream's events, from its JSON array."""
    stream = await store.read_stream(stream_id, after_version)
    return [document["name"] for document in json.loads(stream.events)]
