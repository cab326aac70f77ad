"""Executes one command from Kafka, and makes the result that its sender is sent."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import structlog
from pydantic import JsonValue
from pydantic_core import from_json

from adapters.kafka.command_messages import MAX_SOURCE_LENGTH, CommandMessage, result_message, storable_header
from adapters.kafka.messages import Message
from adapters.metrics.process_metrics import COMMANDS, CommandKind, outcome_label
from adapters.settings import Settings
from adapters.wire.headers import read_preconditions
from adapters.wire.prefer_header import ParsedRequest, read_handling
from adapters.wire.problems import to_problem
from adapters.wire.query_parameters import INCLUDED_FINDINGS, read_include
from adapters.wire.request_errors import BodyTooLarge, InvalidBasketId, InvalidHeader
from adapters.wire.request_parser import (
    fingerprint,
    parse_body,
    parse_cancel,
    parse_initiate,
    parse_update,
    require_identity_encoding,
)
from adapters.wire.requests import RequestLimits
from adapters.wire.responses import render
from adapters.wire.trace_context import TraceContext, continue_trace
from domain.basket.commands import (
    Caller,
    CancelBasket,
    Command,
    InitiateBasket,
    UpdateBasket,
    UpdateDetails,
    ValidateBasket,
)
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import AnsweredElsewhere, CheckoutError, RequestInProgress, Unavailable
from domain.shared.values import BASKET_ID_PATTERN, MAX_ORGANISATION_LENGTH, Clock, NewId, normalize_id
from domain.validation.handlers import CheckoutHandlers

INITIATE = "checkout.initiate-basket.v1"
UPDATE = "checkout.update-basket.v1"
VALIDATE = "checkout.validate-basket.v1"
CANCEL = "checkout.cancel-basket.v1"

_KINDS: dict[str, CommandKind] = {
    INITIATE: "initiate",
    UPDATE: "update",
    VALIDATE: "validate",
    CANCEL: "cancel",
}
_BASKET_ID = re.compile(BASKET_ID_PATTERN)
_log = structlog.get_logger("adapters.kafka.command_executor")


@dataclass(frozen=True, slots=True)
class KeyedCommand:
    """A command that can be executed."""

    parsed: ParsedRequest[Command]
    caller: Caller
    key: IdempotencyKey

    @property
    def command(self) -> Command:
        return self.parsed.command

    @property
    def basket_id(self) -> str | None:
        """The basket that the command names."""
        return self.command.checkout_id if isinstance(self.command, InitiateBasket) else self.command.basket_id

    @property
    def names(self) -> Collection[str]:
        """Commands that share a name are about one basket, or are one command that came twice."""
        partner, names = self.caller.partner, {f"command\x1f{self.caller.partner}\x1f{self.key.key}"}
        if self.basket_id is not None:
            names.add(self.basket_id)
        names |= {f"external id\x1f{partner}\x1f{external_id}" for external_id in _external_ids(self.command)}
        return names


def _external_ids(command: Command) -> Collection[str]:
    """The external ids that the command gives a basket."""
    match command:
        case InitiateBasket(details=details):
            given = [details.external_id]
        case UpdateBasket(actions=actions):
            given = [each.changes.get("external_id") for each in actions if isinstance(each, UpdateDetails)]
        case _:
            given = []
    return [external_id for external_id in given if external_id is not None]


@dataclass(frozen=True, slots=True)
class QueuedCommand:
    """A message, and its command, or the response to a message that cannot be executed."""

    message: CommandMessage
    trace: TraceContext
    request: KeyedCommand | RenderedResponse

    @property
    def names(self) -> Collection[str]:
        return self.request.names if isinstance(self.request, KeyedCommand) else ()

    @property
    def basket_id(self) -> str | None:
        return self.request.basket_id if isinstance(self.request, KeyedCommand) else None


class KafkaCommandExecutor:
    """Executes commands by the handlers that HTTP has, each once by its id."""

    def __init__(self, settings: Settings, handlers: CheckoutHandlers, clock: Clock, new_id: NewId) -> None:
        self._limits = RequestLimits.of(settings)
        self._default_handling = settings.request_handling
        self._max_body_bytes = settings.max_body_bytes
        self._handlers = handlers
        self._clock = clock
        self._new_id = new_id

    def read(self, message: CommandMessage) -> QueuedCommand:
        """Never raises: the response to a message that cannot be understood is a problem."""
        trace = continue_trace(message.traceparent, message.correlation_id, self._new_id)
        try:
            return QueuedCommand(message, trace, self._parse(message, trace))
        except CheckoutError as error:
            return QueuedCommand(message, trace, to_problem(error).response())

    async def result_of(self, queued: QueuedCommand) -> Message:
        """Executes the command and returns its result. Raises Unavailable, AnsweredElsewhere and RequestInProgress
        if it must be tried again."""
        message = queued.message
        structlog.contextvars.bind_contextvars(
            command=message.id,
            organisation=message.partner,
            basket=queued.basket_id,
            trace=queued.trace.trace_id,
        )
        try:
            response = await self.response_to(queued)
        except (Unavailable, AnsweredElsewhere, RequestInProgress):
            raise
        except Exception as error:  # noqa: BLE001  (one command must not hold up all others)
            if not isinstance(error, CheckoutError):
                _log.exception("unexpected_failure")
            response = to_problem(error).response()
        basket_id = queued.basket_id or _basket_of(response)
        COMMANDS.labels(_KINDS.get(message.type or "", "other"), "kafka", outcome_label(response.status)).value += 1
        _log.info("command", type=message.type, basket=basket_id, status=response.status)
        return result_message(
            message,
            response,
            basket_id=basket_id,
            traceparent=queued.trace.traceparent,
            now=self._clock(),
        )

    async def response_to(self, queued: QueuedCommand) -> RenderedResponse:
        """Raises as `CommandExecutor.execute`."""
        request = queued.request
        if isinstance(request, RenderedResponse):
            return request
        answer = partial(render, parsed=request.parsed)
        match request.command:
            case InitiateBasket() as command:
                return await self._handlers.initiate(command, request.caller, answer, request.key)
            case UpdateBasket() as command:
                return await self._handlers.update(command, request.caller, answer, request.key)
            case ValidateBasket() as command:
                return await self._handlers.validate(command, request.caller, answer, request.key)
            case CancelBasket() as command:
                return await self._handlers.cancel(command, request.caller, answer, request.key)
            case _:
                assert_never(request.command)

    def _parse(self, message: CommandMessage, trace: TraceContext) -> KeyedCommand:
        caller = _caller(message, trace)
        preconditions = read_preconditions(message.preconditions)
        require_identity_encoding(message.content_encoding)
        if len(message.body) > self._max_body_bytes:
            raise BodyTooLarge(self._max_body_bytes)
        content: JsonValue = None
        included = False
        parsed: ParsedRequest[Command]
        handling = read_handling(message.prefer, self._default_handling)
        match message.type:
            case "checkout.initiate-basket.v1":
                included = read_include(message.include)
                content = parse_body(message.body)
                parsed = parse_initiate(
                    content,
                    self._limits,
                    handling=handling,
                    preconditions=preconditions,
                    include_findings=included,
                )
            case "checkout.update-basket.v1":
                basket_id, included = _subject(message), read_include(message.include)
                content = parse_body(message.body)
                parsed = parse_update(
                    content,
                    self._limits,
                    handling=handling,
                    basket_id=basket_id,
                    preconditions=preconditions,
                    include_findings=included,
                )
            case "checkout.validate-basket.v1":
                parsed = ParsedRequest(ValidateBasket(_subject(message), preconditions))
            case "checkout.cancel-basket.v1":
                basket_id = _subject(message)
                content = parse_body(message.body)
                parsed = parse_cancel(
                    content, self._limits, handling=handling, basket_id=basket_id, preconditions=preconditions
                )
            case _:
                raise InvalidHeader("ce_type", f"this must be {INITIATE}, {UPDATE}, {VALIDATE} or {CANCEL}")
        digest = fingerprint(content, normalize_id(message.subject or ""), *(INCLUDED_FINDINGS if included else ()))
        return KeyedCommand(
            parsed, caller, IdempotencyKey(f"{caller.partner}/kafka:{message.type}", message.id, digest)
        )


def _caller(message: CommandMessage, trace: TraceContext) -> Caller:
    """Raises InvalidHeader if there is no organisation, or if a sender's name cannot be stored and shown."""
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


def _basket_of(response: RenderedResponse) -> str | None:
    """The basket in the body of a success."""
    if response.status != 200:
        return None
    basket_id = from_json(response.body).get("id")
    return basket_id if isinstance(basket_id, str) else None
