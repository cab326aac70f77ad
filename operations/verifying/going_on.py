"""`checkout publish-after`: where the publisher goes on after a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from operations.acting import Actor, Reason, operator
from operations.output import json_line, say
from operations.runner import run, settings

if TYPE_CHECKING:
    from domain.operating.actions import Operator
    from domain.operating.going_on import PutBack


def publish_after(
    position: Annotated[
        int,
        typer.Argument(
            min=0, help="The last event that counts as published; 0: everything is published anew."
        ),
    ],
    reason: Reason,
    actor: Actor = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Says after which position the publisher goes on: after PostgreSQL was restored to before what was published.

    All events after it are published, whether they were before or not; those up to it never again. What to look at
    first is in docs/operations/verify.md.
    """
    put = run(_put_back(position, operator(actor, reason)))
    if json:
        said = {"from": put.before.position, "to": put.after.position, "event": put.after.event}
        json_line(said)
    else:
        event = f", which is {put.after.event}" if put.after.event else ""
        say(
            f"It was after position {put.before.position:,}, and goes on after {put.after.position:,}{event}."
        )


async def _put_back(position: int, by: Operator) -> PutBack:
    from adapters.service_file import why_none
    from adapters.wiring import NotConfigured, open_parts

    known = settings()
    if known.kafka_bootstrap_servers is None:
        raise NotConfigured(f"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker, and {why_none(known.data)}")
    async with open_parts(known) as parts:
        return await parts.going_on().after(position, by)
