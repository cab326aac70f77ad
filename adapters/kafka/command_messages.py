"""Commands as gateways queue them, and the results that they are sent: CloudEvents in binary mode.
docs/kafka-commands.md describes both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from adapters.kafka import topics
from adapters.kafka.messages import Message, cloud_event, rfc3339
from domain.ports import Answer
from domain.values import can_be_stored_and_shown

RESULT_TYPE = "checkout.command-result.v1"

LONGEST_COMMAND_ID = 255
LONGEST_SOURCE = 512
_PRECONDITIONS = {"if-match": "ifmatch", "if-none-match": "ifnonematch"}


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A message that has a command id, so that there is somebody to tell what became of it."""

    id: str
    message: Message

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
        """As HTTP names them."""
        said = {name: self.message.header(header) for name, header in _PRECONDITIONS.items()}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def content_encoding(self) -> str | None:
        return self.message.header("content-encoding")

    @property
    def body(self) -> bytes:
        return self.message.value or b""


def command_message(message: Message) -> CommandMessage | None:
    """None where there is no command id, or one that cannot be stored and shown, or is longer than 255
    characters."""
    command_id = usable_header(message, "ce_id", LONGEST_COMMAND_ID)
    return CommandMessage(command_id, message) if command_id is not None else None


def usable_header(message: Message, name: str, longest: int) -> str | None:
    """A header as it may be stored and shown; None where there is none, or one that may not."""
    value = message.header(name)
    return value if value and can_be_stored_and_shown(value, longest) else None


def result_message(
    command: CommandMessage, answer: Answer, *, basket_id: str | None, traceparent: str, now: datetime
) -> Message:
    """What became of a command: the HTTP answer to it, in JSON."""
    headers_told = {name.lower(): value for name, value in answer.headers.items()}
    about = json.dumps(
        {"commandId": command.id, "status": answer.status, "headers": headers_told}, separators=(",", ":")
    ).encode()
    # The body is JSON already, and goes out as it was stored.
    value = about[:-1] + b',"body":' + (answer.body or b"null") + b"}"
    headers = cloud_event(
        id=f"{command.id}/result",
        type=RESULT_TYPE,
        time=rfc3339(now),
        subject=basket_id,
        correlationid=command.id,
        partnerorg=command.partner,
        traceparent=traceparent,
    )
    return Message(topics.COMMAND_RESULTS, (basket_id or command.id).encode(), value, headers)
