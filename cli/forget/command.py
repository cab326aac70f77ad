"""The options of `checkout forget`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import echo_error, echo_json

NOT_DONE = 1
INTERRUPTED = 130


def forget(
    reason: Reason,
    subject: Annotated[
        str | None, typer.Option(help="The person, by the `dataSubject` that came with baskets.")
    ] = None,
    partner: Annotated[
        str | None, typer.Option(help="With --subject: only as this organisation names persons.")
    ] = None,
    basket: Annotated[list[str] | None, typer.Option(help="A basket by its id; may be given again.")] = None,
    again: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="What earlier runs printed with --json: the same baskets once more, after a backup was restored.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    actor: Actor = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Forgets a person, for good: destroys the keys of what `tracking` and `customFields` hold.

    Baskets stay, and their history stays countable; what was personal in them is gone from views, answers,
    exports and whatever is published from now on. It cannot be undone.

    Exit code 0: it is forgotten. 1: nothing is known of whom is meant, it was not confirmed, or something stood in
    the way. 130: it was interrupted; the same command again goes on.
    """
    if sum(given is not None for given in (subject, basket, again)) != 1:
        raise typer.BadParameter("name a person by --subject, or baskets by --basket or --again")
    if partner is not None and subject is None:
        raise typer.BadParameter("--partner goes with --subject")
    acting = operator_from_options(actor, reason)

    # Slow to load: only when it is called.
    from cli.forget import execution, screen
    from domain.operators.erasure.erasure import BasketSelection, Person

    whom = (
        Person(subject=subject, partner=partner)
        if subject is not None
        else BasketSelection(basket_ids=tuple(basket or execution.basket_ids(again)))
    )
    run = execution.run(whom, acting, confirmed=yes)
    if run is None:
        echo_error("nothing was changed")
        raise typer.Exit(NOT_DONE)
    if json:
        echo_json(execution.document(run, acting))
    else:
        screen.show(run)
    raise typer.Exit(INTERRUPTED if run.left else 0)
