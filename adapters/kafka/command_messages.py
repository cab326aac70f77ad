"""Commands from gateways, and their results: CloudEvents in binary mode. docs/kafka-commands.md describes both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from adapters.kafka import topics
from adapters.kafka.cloud_events import cloud_event, rfc3339, source_of
from adapters.kafka.messages import Message
from domain.ports.event_store import RenderedResponse
from domain.shared.values import is_storable_text

RESULT_TYPE = "checkout.command-result.v1"

MAX_COMMAND_ID_LENGTH = 255
MAX_SOURCE_LENGTH = 512
_PRECONDITIONS = {"if-match": "ifmatch", "if-none-match": "ifnonematch"}


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A message with a command id, so that its sender can get a result. `name` is unique among all messages."""

    id: str
    message: Message
    name: str

    @property
    def type(self) -> str | None:
        return self.message.header("ce_type")

    @property
    def partner(self) -> str | None:
        return self.message.header("ce_partnerorg")

    @property
    def subject(self) -> str | None:
        return self.message.header("ce_subject")

    @property
    def correlation_id(self) -> str | None:
        return self.message.header("ce_correlationid")

    @property
    def traceparent(self) -> str | None:
        return self.message.header("traceparent")

    @property
    def preconditions(self) -> dict[str, str]:
        """By their HTTP names. Several headers of one name are one list. A header that is no text stays one, and is
        refused."""
        found = {name: self._joined(header) for name, header in _PRECONDITIONS.items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def prefer(self) -> str | None:
        return self._joined("prefer")

    @property
    def include(self) -> str | None:
        return self._joined("include")

    @property
    def content_encoding(self) -> str | None:
        return self._joined("content-encoding")

    def _joined(self, name: str) -> str | None:
        values = [value.decode("latin-1") for known, value in self.message.headers if known == name]
        return ", ".join(values) if values else None

    @property
    def body(self) -> bytes:
        return self.message.value or b""


def command_message(message: Message, name: str) -> CommandMessage | None:
    """None without a command id of at most 255 characters that can be stored and shown. `name` names the message."""
    command_id = storable_header(message, "ce_id", MAX_COMMAND_ID_LENGTH)
    return CommandMessage(command_id, message, name) if command_id is not None else None


def storable_header(message: Message, name: str, longest: int) -> str | None:
    """A header; None if it is missing, or cannot be stored and shown."""
    value = message.header(name)
    return value if value and is_storable_text(value, longest) else None


def result_message(
    command: CommandMessage,
    answer: RenderedResponse,
    *,
    basket_id: str | None,
    traceparent: str,
    now: datetime,
) -> Message:
    """The HTTP response to a command, in JSON."""
    headers_in_lower_case = {name.lower(): value for name, value in answer.headers.items()}
    about = json.dumps(
        {"commandId": command.id, "status": answer.status, "headers": headers_in_lower_case},
        separators=(",", ":"),
    ).encode()
    # The body is JSON, and is sent as it was stored.
    value = about[:-1] + b',"body":' + (answer.body or b"null") + b"}"
    key = basket_id or command.id
    headers = cloud_event(
        id=f"{command.name}/result",
        source=source_of("commands", command.partner),
        type=RESULT_TYPE,
        time=rfc3339(now),
        subject=basket_id,
        partitionkey=key,
        correlationid=command.id,
        causationid=command.id,
        partnerorg=command.partner,
        traceparent=traceparent,
    )
    return Message(topics.COMMAND_RESULTS, key.encode(), value, headers)
