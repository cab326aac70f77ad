"""The rules of CloudEvents 1.0.2, its Kafka binding in binary mode, and its documented extensions, for messages that
we write. Knows nothing of the code that writes them.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
https://github.com/cloudevents/spec/tree/main/cloudevents/extensions
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

PREFIX = "ce_"
REQUIRED = ("id", "source", "specversion", "type")
TIMESTAMPS = {"time", "recordedtime", "replaytime"}
INTEGERS = {"requestindex", "requestcount"}
URI_REFERENCES = {"source"}
URIS = {"dataschema"}
MAX_INTEGER = 2**31 - 1

_NAME = re.compile(r"[a-z0-9]{1,20}")
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef]")
# RFC 3986, appendix A: what may stand in a path, a query or a fragment, and the name of a scheme.
_URI_REFERENCE = re.compile(r"([A-Za-z0-9\-._~!$&'()*+,;=:@/?#\[\]]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+(;.*)?", re.ASCII)
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message as a consumer in any language has it."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class CloudEventRules:
    """Checks messages, one after the other. It remembers which events it saw."""

    seen: dict[tuple[str, str], WireMessage] = field(default_factory=dict)
    repeats_allowed: bool = False
    """Whether the very same message may come again, as it may where delivery is at least once."""

    def broken_by(self, message: WireMessage) -> list[str]:
        """What is wrong with the message, in words; empty if it is a conformant event."""
        return [*self._broken_by(message)]

    def _broken_by(self, message: WireMessage) -> Iterator[str]:
        headers = _texts(message.headers)
        if isinstance(headers, str):
            yield headers
            return
        attributes = {name.removeprefix(PREFIX): text for name, text in headers.items() if name.startswith(PREFIX)}
        yield from _attribute_faults(attributes)
        yield from _content_faults(message, headers.get("content-type"), attributes)
        key = None if message.key is None else message.key.decode(errors="replace")
        if "partitionkey" in attributes and attributes["partitionkey"] != key:
            yield f"partitionkey is {attributes['partitionkey']!r}, the key {key!r}"
        traceparent = headers.get("traceparent")
        if traceparent is not None and _TRACEPARENT.fullmatch(traceparent) is None:
            yield f"traceparent is {traceparent!r}"
        name = (attributes.get("source", ""), attributes.get("id", ""))
        known = self.seen.get(name)
        self.seen[name] = message
        if known is not None and not (self.repeats_allowed and known.value == message.value):
            yield f"source and id {name} named another event before"


def _texts(headers: Iterable[tuple[str, bytes]]) -> dict[str, str] | str:
    """The headers as text, or what is wrong with them. Attributes and the content type stand there once."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in found and (name.startswith(PREFIX) or name == "content-type"):
            return f"{name} stands there twice"
        try:
            found[name] = value.decode()
        except UnicodeDecodeError:
            return f"{name} is not UTF-8"
    return found


def _attribute_faults(attributes: dict[str, str]) -> Iterator[str]:
    for name in REQUIRED:
        if not attributes.get(name):
            yield f"{name} is missing"
    if attributes.get("specversion") != "1.0":
        yield f"specversion is {attributes.get('specversion')!r}"
    if "data" in attributes:
        yield "data is no name of an attribute"
    if "datacontenttype" in attributes:
        yield "datacontenttype belongs into the header content-type"
    for name, text in attributes.items():
        if _NAME.fullmatch(name) is None:
            yield f"{name!r} is no name of an attribute"
        elif text or name not in REQUIRED:
            yield from _value_faults(name, text)


def _value_faults(name: str, text: str) -> Iterator[str]:
    if not text:
        yield f"{name} is empty"
    elif _FORBIDDEN.search(text) or any(ord(each) & 0xFFFE == 0xFFFE for each in text):
        yield f"{name} has a character that is forbidden: {text!r}"
    elif name in TIMESTAMPS and not _is_timestamp(text):
        yield f"{name} is not RFC 3339: {text!r}"
    elif name in INTEGERS and (_INTEGER.fullmatch(text) is None or abs(int(text)) > MAX_INTEGER):
        yield f"{name} is no Integer: {text!r}"
    elif name in URI_REFERENCES and _URI_REFERENCE.fullmatch(text) is None:
        yield f"{name} is no URI reference: {text!r}"
    elif name in URIS and (_URI_REFERENCE.fullmatch(text) is None or _SCHEME.fullmatch(text) is None):
        yield f"{name} is no absolute URI: {text!r}"


def _is_timestamp(text: str) -> bool:
    if _RFC3339.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _content_faults(message: WireMessage, content_type: str | None, attributes: dict[str, str]) -> Iterator[str]:
    if content_type is None:
        yield "content-type is missing"
    elif _MEDIA_TYPE.fullmatch(content_type) is None:
        yield f"content-type is no media type: {content_type!r}"
    elif content_type.startswith("application/cloudevents"):
        yield "content-type says that the event is in the value"
    elif content_type == "application/json" and message.value is not None:
        try:
            json.loads(message.value)
        except ValueError:
            yield "the value is not JSON, as content-type says"


def sequence_faults(messages: Iterable[WireMessage]) -> Iterator[str]:
    """What is wrong with the order of one source's events: the sequence must rise as text, by one each time."""
    before: str | None = None
    for message in messages:
        sequence = dict(message.headers)["ce_sequence"].decode()
        if before is not None and not before < sequence:
            yield f"{sequence!r} does not sort behind {before!r}"
        expected = 1 if before is None else int(before) + 1
        if int(sequence) != expected:
            yield f"{sequence!r} comes where {expected} should"
        before = sequence
