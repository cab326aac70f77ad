"""One command out of Kafka: what it asks for, and the result that its sender is told."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import structlog
from pydantic_core import from_json

from adapters.kafka.command_messages import (
    MAX_SOURCE_LENGTH,
    CommandMessage,
    result_message,
    storable_header,
)
from adapters.kafka.messages import Message
from adapters.metrics.process_metrics import COMMANDS, CommandKind, outcome_label
from adapters.settings import Settings
from adapters.wire.headers import read_preconditions
from adapters.wire.idempotency import answer_once
from adapters.wire.problems import to_problem
from adapters.wire.request_errors import BodyTooLarge, InvalidBasketId, InvalidHeader
from adapters.wire.request_parser import (
    fingerprint,
    parse_initiate,
    parse_update,
    require_identity_encoding,
)
from adapters.wire.requests import RequestLimits
from adapters.wire.responses import initiate_response, update_response, validate_response
from adapters.wire.trace_context import TraceContext, continue_trace
from domain.basket.commands import Caller, Preconditions, ValidateBasket
from domain.basket.handlers import CheckoutHandlers
from domain.basket.idempotency import IdempotencyStore
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import (
    AnsweredElsewhere,
    CheckoutError,
    RequestInProgress,
    Unavailable,
)
from domain.shared.values import BASKET_ID_PATTERN, MAX_ORGANISATION_LENGTH, Clock, NewId, normalize_id

INITIATE = "checkout.initiate-basket.v1"
UPDATE = "checkout.update-basket.v1"
VALIDATE = "checkout.validate-basket.v1"

_KINDS: dict[str, CommandKind] = {INITIATE: "initiate", UPDATE: "update", VALIDATE: "validate"}
_BASKET_ID = re.compile(BASKET_ID_PATTERN)
_log = structlog.get_logger("adapters.kafka.command_executor")


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """What a command asks for: of which basket, by which body, and how it is answered once."""

    basket_id: str | None
    external_id: str | None
    body: bytes
    answer: Callable[[IdempotencyKey], Awaitable[RenderedResponse]]


@dataclass(frozen=True, slots=True)
class QueuedCommand:
    """A command on its way. `names` is empty where it is refused as it stands; commands that share a name
    are about one basket, or are one command that came twice."""

    message: CommandMessage
    trace: TraceContext
    names: Collection[str]
    basket_id: str | None
    answer: Callable[[], Awaitable[RenderedResponse]]


class KafkaCommandExecutor:
    """Carries out commands by the handlers that HTTP has, each once by its id."""

    def __init__(
        self,
        settings: Settings,
        handlers: CheckoutHandlers,
        answers: IdempotencyStore,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._limits = RequestLimits.of(settings)
        self._largest_body = settings.max_body_bytes
        self._handlers = handlers
        self._answers = answers
        self._clock = clock
        self._new_id = new_id

    def read(self, message: CommandMessage) -> QueuedCommand:
        """What the message asks for. Never raises: what cannot be understood is answered with a problem."""
        trace = continue_trace(message.traceparent, message.correlation_id, self._new_id)
        try:
            caller = _caller(message, trace)
            asked = self._asked(message, caller)
        except CheckoutError as refusal:
            refused = to_problem(refusal).answer()
            return QueuedCommand(message, trace, (), None, lambda: _known(refused))
        key = IdempotencyKey(
            f"{caller.partner}/kafka:{message.type}",
            message.id,
            fingerprint(asked.body, normalize_id(message.subject or "")),
        )
        names = {f"command\x1f{caller.partner}\x1f{message.id}"}
        if asked.basket_id is not None:
            names.add(asked.basket_id)
        if asked.external_id is not None:
            names.add(f"external id\x1f{caller.partner}\x1f{asked.external_id}")
        return QueuedCommand(message, trace, names, asked.basket_id, lambda: asked.answer(key))

    async def result_of(self, command: QueuedCommand) -> Message:
        """Carries the command out and tells its result; raises Unavailable where it must be tried again."""
        # Whatever is logged on the way says what it is about, as on the way of a request.
        structlog.contextvars.bind_contextvars(
            command=command.message.id,
            organisation=command.message.partner,
            basket=command.basket_id,
            trace=command.trace.trace_id,
        )
        try:
            answer = await command.answer()
        except (Unavailable, AnsweredElsewhere, RequestInProgress):
            raise
        except Exception as error:  # noqa: BLE001  (one command must not hold up all others)
            if not isinstance(error, CheckoutError):
                _log.exception("unexpected_failure")
            answer = to_problem(error).answer()
        basket_id = command.basket_id or _basket_of(answer)
        COMMANDS.labels(
            _KINDS.get(command.message.type or "", "other"), "kafka", outcome_label(answer.status)
        ).inc()
        _log.info(
            "command",
            type=command.message.type,
            basket=basket_id,
            status=answer.status,
        )
        return result_message(
            command.message,
            answer,
            basket_id=basket_id,
            traceparent=command.trace.traceparent,
            now=self._clock(),
        )

    def _asked(self, message: CommandMessage, caller: Caller) -> ParsedCommand:
        preconditions = read_preconditions(message.preconditions)
        require_identity_encoding(message.content_encoding)
        if len(message.body) > self._largest_body:
            raise BodyTooLarge(self._largest_body)
        match message.type:
            case "checkout.initiate-basket.v1":
                return self._initiate(message, caller, preconditions)
            case "checkout.update-basket.v1":
                return self._update(message, caller, preconditions)
            case "checkout.validate-basket.v1":
                return self._validate(message, caller, preconditions)
            case _:
                raise InvalidHeader("ce_type", f"this must be {INITIATE}, {UPDATE} or {VALIDATE}")

    def _initiate(
        self, message: CommandMessage, caller: Caller, preconditions: Preconditions
    ) -> ParsedCommand:
        command = parse_initiate(message.body, self._limits, preconditions=preconditions)
        return ParsedCommand(
            command.checkout_id,
            command.details.external_id,
            message.body,
            lambda key: answer_once(
                self._answers,
                key,
                lambda remember: self._handlers.initiate(command, caller, remember),
                initiate_response,
            ),
        )

    def _update(self, message: CommandMessage, caller: Caller, preconditions: Preconditions) -> ParsedCommand:
        basket_id = _subject(message)
        command = parse_update(message.body, self._limits, basket_id=basket_id, preconditions=preconditions)
        return ParsedCommand(
            basket_id,
            None,
            message.body,
            lambda key: answer_once(
                self._answers,
                key,
                lambda remember: self._handlers.update(command, caller, remember),
                update_response,
            ),
        )

    def _validate(
        self, message: CommandMessage, caller: Caller, preconditions: Preconditions
    ) -> ParsedCommand:
        command = ValidateBasket(_subject(message), preconditions)
        return ParsedCommand(
            command.basket_id,
            None,
            b"",
            lambda key: answer_once(
                self._answers,
                key,
                lambda remember: self._handlers.validate(command, caller, remember),
                validate_response,
            ),
        )


def _caller(message: CommandMessage, trace: TraceContext) -> Caller:
    """Raises InvalidHeader where no organisation is named, or a sender by what cannot be stored and shown."""
    partner = storable_header(message.message, "ce_partnerorg", MAX_ORGANISATION_LENGTH)
    if partner is None:
        raise InvalidHeader("ce_partnerorg", "this must name the partner organisation")
    source = storable_header(message.message, "ce_source", MAX_SOURCE_LENGTH)
    if source is None and message.message.has_header("ce_source"):
        raise InvalidHeader(
            "ce_source", f"this is text of at most {MAX_SOURCE_LENGTH} characters without control characters"
        )
    return Caller(
        partner=partner,
        actor=f"kafka:{source or 'commands'}",
        correlation_id=trace.correlation_id,
        causation_id=message.id,
        traceparent=trace.traceparent,
    )


def _subject(message: CommandMessage) -> str:
    subject = message.subject
    if subject is None or _BASKET_ID.fullmatch(subject) is None:
        raise InvalidBasketId(f"ce_subject must be a basket's id, which matches {BASKET_ID_PATTERN}")
    return normalize_id(subject)


def _basket_of(answer: RenderedResponse) -> str | None:
    """The basket that a success tells of."""
    if answer.status != 200:
        return None
    basket_id = from_json(answer.body).get("id")
    return basket_id if isinstance(basket_id, str) else None


async def _known(answer: RenderedResponse) -> RenderedResponse:
    return answer
