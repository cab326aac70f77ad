"""What may change in the AsyncAPI document: channels, messages, headers and keys are added, never removed or narrowed,
and no promise of a topic becomes weaker.

Values and headers follow the rules of `cli/schemas/compatibility.py`: an operation that sends has messages of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.asyncapi.schemas import Document, Writer
from cli.schemas.compatibility import breaking_changes

_STRENGTH = {"none": 0, "by_key": 1, "at_least_once": 0, "exactly_once": 1}
"""Of what a topic promises of order and delivery; a greater one is more."""
_SCHEMAS = "#/components/schemas/"


def broken_promises(old: Document, new: Document) -> list[str]:
    """A sentence for each promise of the old document that the new one breaks."""
    return [*_channels(old, new), *_operations(old, new)]


def _channels(old: Document, new: Document) -> Iterator[str]:
    for name, before in old["channels"].items():
        after = new["channels"].get(name)
        if after is None:
            yield f"the channel {name} is gone"
            continue
        if before["address"] != after["address"]:
            yield f"{name}: the address changed from {before['address']} to {after['address']}"
        yield from (f"{name}: {reason}" for reason in _topic_promises(before, after))
        for message in before["messages"]:
            if message not in after["messages"]:
                yield f"{name}: the message {message} is gone"
            else:
                reasons = _message(whole_message(old, message), whole_message(new, message), _writer(old, name))
                yield from (f"{name}: {message}: {reason}" for reason in reasons)


def _topic_promises(before: Document, after: Document) -> Iterator[str]:
    promised, promises = before["x-promises"], after["x-promises"]
    for word in ("key", "compacted"):
        if promised[word] != promises[word]:
            yield f"{word} changed from {promised[word]!r} to {promises[word]!r}"
    for word in ("ordering", "delivery"):
        if _STRENGTH[promises[word]] < _STRENGTH[promised[word]]:
            yield f"{word} is weaker: {promises[word]} instead of {promised[word]}"
    if _kept(promises) < _kept(promised):
        yield "messages are kept for a shorter time"
    largest, largest_now = (
        each["bindings"]["kafka"]["topicConfiguration"]["max.message.bytes"] for each in (before, after)
    )
    if largest_now < largest:
        yield f"the largest message has {largest_now} bytes instead of {largest}"


def _kept(promises: Document) -> float:
    kept = promises["retentionMilliseconds"]
    return float("inf") if kept is None or kept < 0 else kept


def _operations(old: Document, new: Document) -> Iterator[str]:
    for name, before in old["operations"].items():
        after = new["operations"].get(name)
        if after is None:
            yield f"the operation {name} is gone"
        else:
            for word in ("action", "channel"):
                if before[word] != after[word]:
                    yield f"{name}: the {word} changed"
            if "reply" in before and before["reply"]["channel"] != after.get("reply", {}).get("channel"):
                yield f"{name}: the channel of replies changed"


def _message(before: Document, after: Document, writer: Writer) -> Iterator[str]:
    for word in ("name", "contentType", "correlationId"):
        if word in before and before[word] != after.get(word):
            yield f"{word} changed from {before[word]!r} to {after.get(word)!r}"
    for part in ("headers", "payload", "key"):
        yield from (f"{part}: {reason}" for reason in breaking_changes(before[part], after[part], writer))


def whole_message(document: Document, name: str) -> Document:
    """The message with its key, with the headers of its traits, and without references."""
    message = document["components"]["messages"][name]
    traits = [document["components"]["messageTraits"][each["$ref"].rpartition("/")[2]] for each in message["traits"]]
    headers: Document = {}
    for part in (*(trait["headers"] for trait in traits), message["headers"]):
        headers = _merged(headers, part)
    return {
        **message,
        "headers": headers,
        "payload": _resolved(message["payload"], document),
        "key": message["bindings"]["kafka"]["key"],
    }


def _merged(target: Document, patch: Document) -> Document:
    """The target with the patch (RFC 7396), as AsyncAPI merges traits."""
    merged = dict(target)
    for name, value in patch.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def _resolved(schema: Any, document: Document) -> Any:
    if isinstance(schema, list):
        return [_resolved(part, document) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(document["components"]["schemas"][schema["$ref"].removeprefix(_SCHEMAS)], document)
    rest = {word: _resolved(part, document) for word, part in schema.items() if word not in ("allOf", "x-schema-uri")}
    for part in schema.get("allOf", ()):
        rest = {**_resolved(part, document), **rest}
    return rest


def _writer(document: Document, channel: str) -> Writer:
    reference = {"$ref": f"#/channels/{channel}"}
    actions = {each["action"] for each in document["operations"].values() if each["channel"] == reference}
    return "we" if "send" in actions else "others"
