"""The headers of messages, in groups that messages share. A value is text in UTF-8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.asyncapi.schemas import Document
from adapters.kafka.command_messages import MAX_COMMAND_ID_LENGTH, MAX_SOURCE_LENGTH
from domain.operators.dead_letters.model import UNREADABLE_BATCH
from domain.shared.values import BASKET_ID_PATTERN, MAX_ORGANISATION_LENGTH

_TIME: Document = {"format": "date-time"}
_COUNT: Document = {"pattern": "^[1-9][0-9]*$"}
_TEXT: Document = {"minLength": 1}
_BASKET_ID: Document = {"pattern": BASKET_ID_PATTERN}
_TRACEPARENT: Document = {"pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"}


@dataclass(frozen=True, slots=True)
class HeaderSpec:
    """A header. `constraints` are JSON Schema of its text."""

    name: str
    description: str
    constraints: Document = field(default_factory=dict)
    required: bool = True

    def schema(self) -> Document:
        return {"type": "string", **self.constraints, "description": self.description}


@dataclass(frozen=True, slots=True)
class HeaderGroup:
    """Headers that some messages share: a message trait of the document."""

    name: str
    title: str
    headers: Sequence[HeaderSpec]
    others: HeaderSpec | None = None
    """Further headers, whose names begin with this one's."""


def _optional(name: str, description: str, constraints: Document | None = None) -> HeaderSpec:
    return HeaderSpec(name, description, constraints or {}, required=False)


CLOUD_EVENT = HeaderGroup(
    "cloudEvent",
    "CloudEvents 1.0 in binary mode",
    (
        HeaderSpec("ce_specversion", "The version of CloudEvents.", {"const": "1.0"}),
        HeaderSpec("ce_id", "Names the message, together with `ce_source`. What was sent twice has it twice.", _TEXT),
        HeaderSpec("ce_source", "What the message comes from.", {**_TEXT, "format": "uri-reference"}),
        HeaderSpec("ce_type", "What the message is. One type has one schema.", _TEXT),
        HeaderSpec("ce_time", "When it happened, RFC 3339.", _TIME),
        HeaderSpec("content-type", "The media type of the value.", _TEXT),
    ),
)

SCHEMA = HeaderGroup(
    "schema",
    "The schema of the value",
    (HeaderSpec("ce_dataschema", "The URI of the value's JSON Schema, its `$id`.", {"format": "uri"}),),
)

TRACE = HeaderGroup(
    "trace",
    "Distributed tracing",
    (_optional("traceparent", "W3C Trace Context of the call that led to the message.", _TRACEPARENT),),
)

BASKET = HeaderGroup(
    "basket",
    "What a message about a basket says of it",
    (
        HeaderSpec("ce_subject", "The basket's id.", _BASKET_ID),
        HeaderSpec("ce_partitionkey", "The basket's id; the message's key is the same.", _BASKET_ID),
        HeaderSpec(
            "ce_sequence",
            "The basket's version, in ten digits with leading zeros. It sorts as text, and has no gaps in one basket's"
            " events.",
            {"pattern": "^[0-9]{10}$"},
        ),
        HeaderSpec("ce_requestindex", "The event's place among those of one request, from 1.", _COUNT),
        HeaderSpec("ce_requestcount", "How many events the request made. Apply them together.", _COUNT),
        HeaderSpec("ce_recordedtime", "When the event was stored, RFC 3339.", _TIME),
        _optional("ce_partnerorg", "The partner organisation whose basket it is.", _TEXT),
        _optional("ce_correlationid", "The conversation: the caller's own id, or that of its trace.", _TEXT),
        _optional("ce_causationid", "What caused the event: a command's id, or the id of a request.", _TEXT),
    ),
)

REPLAY = HeaderGroup(
    "replay",
    "Messages that `checkout republish` sent again",
    (
        _optional("ce_replay", "The id of the run that sent it again. Without the header it is the first time.", _TEXT),
        _optional("ce_replaytime", "When that run began, RFC 3339.", _TIME),
    ),
)

RESULT = HeaderGroup(
    "result",
    "What a result says of the message that it answers",
    (
        _optional(
            "ce_correlationid",
            "The `ce_id` of the message that it answers. It is left out only if CloudEvents forbid its characters.",
            _TEXT,
        ),
        _optional("ce_causationid", "The same: the message caused the result.", _TEXT),
        _optional("ce_partitionkey", "The message's key: the basket's id, or the command's id.", _TEXT),
        _optional("ce_subject", "The basket's id, if there is a basket.", _TEXT),
        _optional("ce_partnerorg", "The partner organisation, if it is known.", _TEXT),
    ),
)

COMMAND = HeaderGroup(
    "command",
    "Commands, as gateways send them",
    (
        HeaderSpec(
            "ce_id",
            "The command's id and its idempotency key, unique for the organisation and type of command.",
            {"minLength": 1, "maxLength": MAX_COMMAND_ID_LENGTH},
        ),
        HeaderSpec("ce_type", "Which command it is.", _TEXT),
        HeaderSpec(
            "ce_partnerorg", "The partner organisation.", {"minLength": 1, "maxLength": MAX_ORGANISATION_LENGTH}
        ),
        _optional("ce_specversion", "The version of CloudEvents.", {"const": "1.0"}),
        _optional(
            "ce_source",
            "The sender. Events name it as actor, `kafka:<source>`.",
            {"minLength": 1, "maxLength": MAX_SOURCE_LENGTH},
        ),
        _optional(
            "ce_correlationid",
            "The conversation, in visible ASCII with blanks between. Without one, the trace's id.",
            {"pattern": "^[!-~]([ -~]{0,126}[!-~])?$"},
        ),
        _optional("ifmatch", 'As `If-Match` of HTTP: `"3"`, a list of such, or `*`.'),
        _optional("ifnonematch", "As `If-None-Match` of HTTP. `*` restricts an initiate to creating."),
        _optional("prefer", "As `Prefer` of HTTP (RFC 7240): `handling=strict` or `handling=lenient`."),
        _optional("content-type", "The media type of the value. It is not read: the value is JSON."),
        _optional("content-encoding", "Only `identity`. Kafka's own compression does not matter here."),
    ),
)

COMMAND_SUBJECT = HeaderGroup(
    "commandSubject",
    "The basket of a command",
    (HeaderSpec("ce_subject", "The basket's id.", _BASKET_ID),),
)

INCLUDE = HeaderGroup(
    "include",
    "What a result shall have beside",
    (_optional("include", "`findings`: the result says what a validation would find now.", {"const": "findings"}),),
)

REPORT = HeaderGroup(
    "report",
    "Reports of order services",
    (
        _optional(
            "ce_id",
            "Names the report, together with `ce_source`. Without them, its place in the partition names it.",
            {"minLength": 1, "maxLength": MAX_COMMAND_ID_LENGTH},
        ),
        _optional("ce_source", "The order service.", {"minLength": 1, "maxLength": MAX_SOURCE_LENGTH}),
        _optional("ce_specversion", "The version of CloudEvents.", {"const": "1.0"}),
        _optional("ce_type", "What the message is. It is not read: the topic has one kind of message.", _TEXT),
        _optional("ce_time", "When the order was placed. Without it, the time of the Kafka message counts.", _TIME),
        _optional("ce_correlationid", "The conversation, stored with the basket's event.", _TEXT),
        _optional("content-type", "The media type of the value. It is not read: the value is JSON."),
    ),
)

FACT = HeaderGroup(
    "fact",
    "Facts of the catalogue",
    (_optional("content-type", "The media type of the value. It is not read: the value is JSON."),),
)

DEAD_LETTER_CODES = (
    *("unreadable", "no_value", "other_basket", "cannot_be_applied", "no_basket"),
    *("not_a_fact", "contradicts", "no_command_id"),
    *(
        "not_an_order",
        "basket_not_found",
        "other_order",
        "basket_expired",
        "basket_cancelled",
        "order_failed",
        "archive_damaged",
    ),
    *("verdict_lost", "state_lost", "verdict_too_large", "state_too_large", UNREADABLE_BATCH),
)
"""In the order of docs/operations/dead-letters.md."""

DEAD_LETTER = HeaderGroup(
    "deadLetter",
    "Why a message is a dead letter",
    (
        HeaderSpec(
            "dead_letter_code", "Why, as a stable code; more may come.", {**_TEXT, "examples": [*DEAD_LETTER_CODES]}
        ),
        HeaderSpec("dead_letter_error", "Why, in words for people."),
        HeaderSpec("dead_letter_topic", "Where the message lay; `event-store` for a verdict.", _TEXT),
        HeaderSpec("dead_letter_partition", "Its partition.", {"pattern": "^[0-9]+$"}),
        HeaderSpec(
            "dead_letter_offset", "Its offset; for a verdict the position of its event.", {"pattern": "^[0-9]+$"}
        ),
        _optional("ce_subject", "The basket that the letter is about, if it blocks one.", _TEXT),
        _optional("ce_partitionkey", "The message's key, if it is text.", _TEXT),
    ),
    others=HeaderSpec("original_", "A header of the message that was not understood, as it came."),
)
