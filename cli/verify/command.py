"""The options of `checkout verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.operator_options import Actor, operator_from_options
from cli.output import Output, Wide, echo_json

DEFAULT_SAMPLE = 1_000


def verify(
    everything: Annotated[
        bool, typer.Option("--all", help="All baskets, the catalogue's rows, and whole topics.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help=f"So many random baskets. The default is {DEFAULT_SAMPLE}.")
    ] = None,
    basket: Annotated[list[str] | None, typer.Option(help="This basket; may be repeated.")] = None,
    partner: Annotated[str | None, typer.Option(help="Only baskets of this organisation.")] = None,
    kafka: Annotated[
        bool, typer.Option(help="Compare Kafka topics too. Where that cannot be, the exit code is 3.")
    ] = True,
    patience: Annotated[float, typer.Option(min=0, help="Seconds that a view may lag.")] = 10.0,
    processes: Annotated[
        int | None, typer.Option(min=1, help="With --all: how many processes; unset: one a core.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="With --all: the file that keeps the progress; removed at the end."),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair views, uses and claims that do not match the events.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="With --repair: why; it is recorded with the action.")] = None,
    actor: Actor = None,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Folds baskets again from their events, and compares them with the views and with Kafka.

    It lists what it did not check. It waits for late answers, and for servers that are away for a while.

    Exit code 0: everything matches the events, or was repaired. 1: something does not, and a table lists it. 2: nothing
    could be verified. 3: the same as 0, but something that was asked for could not be checked, such as Kafka without a
    setting that names it; --no-kafka asks for less. 130: it was interrupted.
    """
    if sum((everything, sample is not None, bool(basket))) > 1:
        raise typer.BadParameter("--all, --sample or --basket, not several")
    if not everything and (resume is not None or processes is not None):
        raise typer.BadParameter("--resume and --processes go with --all")
    if repair and reason is None:
        raise typer.BadParameter("--repair needs --reason", param_hint="--reason")
    if not repair and (reason is not None or actor is not None):
        raise typer.BadParameter("--reason and --actor go with --repair")

    from cli.verify import screen
    from cli.verify.outcome import VerifyOptions

    options = VerifyOptions(
        baskets=tuple(basket or ()),
        sample=None if everything or basket else sample or DEFAULT_SAMPLE,
        partner=partner,
        kafka=kafka,
        operator=operator_from_options(actor, reason) if repair and reason is not None else None,
        patience=patience,
        resume=resume,
        **({"processes": processes} if processes is not None else {}),
    )
    outcome = screen.run(options)
    if json:
        echo_json(screen.document(outcome))
    else:
        screen.show(options, outcome, Output(wide=wide))
    raise typer.Exit(outcome.exit_code)
