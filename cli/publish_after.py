"""`checkout publish-after`: resets the publisher's checkpoint after a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import echo, echo_error, echo_json
from cli.runner import run_with_container
from domain.shared.formatting import count_noun

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.checkpoint_reset import CheckpointChange


def publish_after(
    position: Annotated[
        int,
        typer.Argument(min=0, help="The last event that counts as published; 0: everything is published anew."),
    ],
    reason: Reason,
    actor: Actor = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Sets the position after which the publisher goes on, once PostgreSQL was restored to before what was published.

    It publishes all events after the position, published before or not, and never those up to it. Read
    docs/operations/verify.md first.
    """
    operator = operator_from_options(actor, reason)

    async def reset(container: Container) -> tuple[CheckpointChange, int]:
        from adapters.service_file import why_no_service
        from adapters.settings import MissingSetting
        from domain.ports.archive import ArchiveSelection

        if container.settings.kafka_bootstrap_servers is None:
            why = why_no_service(container.settings.data)
            raise MissingSetting(f"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker, and {why}")
        change = await container.checkpoint_reset().reset(position, operator)
        return change, await container.archive_index.count(ArchiveSelection(from_position=position + 1))

    change, archived = run_with_container(reset)
    before, after = change.before, change.after
    if json:
        echo_json({"from": before.position, "to": after.position, "event": after.event, "archived": archived})
    else:
        event = f", which is {after.event}" if after.event else ""
        echo(f"It was after position {before.position:,}, and goes on after {after.position:,}{event}.")
    if archived:
        echo_error(
            f"{count_noun(archived, 'basket')} with events after it are in the archive, and are not published again;"
            f" bring them back first: checkout archive restore --from-position {position + 1}, then this command again"
        )
