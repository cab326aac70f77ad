"""`checkout publish-after`: where the publisher goes on after a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import echo, echo_json
from cli.runner import load_settings, run_async

if TYPE_CHECKING:
    from domain.operators.audit import Operator
    from domain.operators.checkpoint_reset import CheckpointChange


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
    put = run_async(_put_back(position, operator_from_options(actor, reason)))
    if json:
        said = {"from": put.before.position, "to": put.after.position, "event": put.after.event}
        echo_json(said)
    else:
        event = f", which is {put.after.event}" if put.after.event else ""
        echo(
            f"It was after position {put.before.position:,}, and goes on after {put.after.position:,}{event}."
        )


async def _put_back(position: int, by: Operator) -> CheckpointChange:
    from adapters.container import open_operator_container
    from adapters.service_file import why_no_service
    from adapters.settings import MissingSetting

    known = load_settings()
    if known.kafka_bootstrap_servers is None:
        raise MissingSetting(
            f"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker, and {why_no_service(known.data)}"
        )
    async with open_operator_container(known) as parts:
        return await parts.checkpoint_reset().reset(position, by)
