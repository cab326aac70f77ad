"""The options of `checkout republish`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import Output, echo_json, prompt
from cli.runner import run_interruptible


def republish(
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="The topic; it is created where it is missing.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Resume a run that was interrupted, by its id.")
    ] = None,
    from_position: Annotated[
        int | None, typer.Option(min=1, help="The first position; unset: from the first event on.")
    ] = None,
    to_position: Annotated[
        int | None, typer.Option(min=1, help="The last position; unset: the store's last as of now.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="Only events of this organisation's baskets.")] = None,
    basket: Annotated[str | None, typer.Option(help="Only events of this basket.")] = None,
    verdicts: Annotated[
        bool, typer.Option("--verdicts", help="Only the whole verdict of each validation, and no events.")
    ] = False,
    state: Annotated[
        bool,
        typer.Option(
            "--state", help="Each basket once, as it is now, and no events. With --live, --to may be left out."
        ),
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.01, help="The most messages a second.")] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="To the very topic that the publisher sends to; asks for its name."),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="With --live: the topic's name, where nobody can type it."),
    ] = None,
    actor: Actor = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout at the end.")] = False,
) -> None:
    """Sends history again, in order, to a topic of its own, with headers that mark it as a replay.

    The run ends with the last event as of its start. With a broker that has transactions every message is sent
    exactly once, also where the run is interrupted and resumed; else at least once.

    Baskets in the archive are not sent: stderr counts them, and says how to bring them back.

    --state sends whole baskets. To the live topic it may send them while the publisher runs: the last record of each
    basket is right in the end.

    Exit code 0: everything was sent. 1: it was not; stderr says why, and how to go on. 130: it was interrupted.
    """
    from adapters.kafka.topics import BASKETS
    from cli.republish.run import RepublishRun
    from domain.operators.republish.republish import RepublishRequest
    from domain.shared.errors import CheckoutError

    start: RepublishRequest | str
    if verdicts and state:
        raise typer.BadParameter("a run sends --verdicts or --state, not both")
    if state and (from_position, to_position) != (None, None):
        raise typer.BadParameter("--state takes no positions: it sends each basket as it is now")
    if state and live and resume is None:
        to = to or BASKETS
    if to is not None and resume is None:
        if live and confirm is None and sys.stdin.isatty():
            confirm = prompt(f"Everybody who reads {to} will read this again. The topic's name")
        start = RepublishRequest(
            topic=to,
            content="verdicts" if verdicts else "states" if state else "events",
            from_position=from_position,
            to_position=to_position,
            partner=partner,
            basket_id=basket,
            live=live,
            confirmed=confirm,
        )
    elif resume is None or to is not None:
        raise typer.BadParameter("say --to which topic, or which run to --resume")
    elif live or verdicts or state or [from_position, to_position, partner, basket, confirm] != [None] * 5:
        raise typer.BadParameter("--resume takes no other options: a run sends what it began with")
    else:
        start = resume
    run = RepublishRun(operator_from_options(actor, reason), start, rate, Output(sys.stderr))
    try:
        run_interruptible(run.send)
    except (CheckoutError, ValueError) as error:
        outcome = run.conclude(error)
    else:
        outcome = run.conclude(None)
    if json:
        echo_json(outcome)
    raise typer.Exit(outcome.exit_code)
