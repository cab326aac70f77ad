"""The options of `checkout republish`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import echo_json, prompt
from cli.runner import run_async


def republish(
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="The topic, which is made where it is missing.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was cut off, by its id.")
    ] = None,
    from_position: Annotated[
        int | None, typer.Option(min=1, help="The first position; unset: from the first event on.")
    ] = None,
    to_position: Annotated[
        int | None, typer.Option(min=1, help="The last position; unset: the store's last as of now.")
    ] = None,
    partner: Annotated[
        str | None, typer.Option(help="Only what happened to this organisation's baskets.")
    ] = None,
    basket: Annotated[str | None, typer.Option(help="Only what happened to this basket.")] = None,
    verdicts: Annotated[
        bool, typer.Option("--verdicts", help="The whole verdict of each validation, and no events.")
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.01, help="The most messages a second.")] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="To the very topic that the publisher sends to; its name is asked for."),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="With --live: the topic's name, where nobody can type it."),
    ] = None,
    actor: Actor = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout at the end.")] = False,
) -> None:
    """Sends history again, in order, to a topic of its own, with headers that say it is a replay.

    It ends with the last event as of its start. With a broker that has transactions every message is sent
    exactly once, also where the run is cut off and gone on with by --resume; else at least once.

    Exit code 0: all was sent. 1: it was not; stderr says why, and how to go on. 130: it was interrupted.
    """
    # Slow to load: only when it is called.
    from cli.republish.execution import RepublishOptions, run_republishing
    from domain.operators.republish.republish import RepublishRequest

    if (to is None) == (resume is None):
        raise typer.BadParameter("say --to which topic, or which run to --resume")
    request = None
    if to is not None:
        if live and confirm is None and sys.stdin.isatty():
            confirm = prompt(f"Everybody who reads {to} will read this again. The topic's name")
        request = RepublishRequest(
            topic=to,
            content="verdicts" if verdicts else "events",
            from_position=from_position,
            to_position=to_position,
            partner=partner,
            basket_id=basket,
            live=live,
            confirmed=confirm,
        )
    elif live or verdicts or [from_position, to_position, partner, basket, confirm] != [None] * 5:
        raise typer.BadParameter("a run that is gone on with sends what it was begun with")
    asked = RepublishOptions(operator_from_options(actor, reason), request, resume, rate)
    ended = run_async(run_republishing(asked))
    if json:
        echo_json(ended)
    raise typer.Exit(ended.exit_code)
