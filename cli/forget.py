"""`checkout forget`: erases the personal data of a person, or of the given baskets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import STDOUT, Output, confirm, echo_error, echo_json, progress_bars
from cli.runner import DONE, INTERRUPTED, NOT_DONE, load_settings, run_async
from domain.shared.formatting import count_noun, format_number

if TYPE_CHECKING:
    from domain.operators.audit import Operator
    from domain.operators.erasure import BasketSelection, Erasure, ErasureResult, Person

MAX_LISTED = 10


def forget(
    reason: Reason,
    subject: Annotated[
        str | None, typer.Option(help="The person, by the `dataSubject` that came with baskets.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="With --subject: only baskets of this organisation.")] = None,
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
    """Erases personal data for good: destroys the keys of what `tracking`, `customFields` and the details of
    persons hold.

    Baskets and their history stay. What was personal in them is gone from views, stored responses, exports and
    whatever is published from now on. It cannot be undone.

    Exit code 0: it is erased. 1: nothing is known of whom is meant, it was not confirmed, or something stood in the
    way. 130: it was interrupted; the same command again goes on.
    """
    if sum(given is not None for given in (subject, basket, again)) != 1:
        raise typer.BadParameter("name a person by --subject, or baskets by --basket or --again")
    if partner is not None and subject is None:
        raise typer.BadParameter("--partner goes with --subject")
    operator = operator_from_options(actor, reason)

    # Slow to load, so not at the top.
    from domain.operators.erasure import BasketSelection, Person

    selection = (
        Person(subject=subject, partner=partner)
        if subject is not None
        else BasketSelection(basket_ids=tuple(basket or erased_basket_ids(again)))
    )
    result = run_async(_erase(selection, operator, confirmed=yes))
    if result is None:
        echo_error("nothing was changed")
        raise typer.Exit(NOT_DONE)
    if json:
        document = result.model_dump(mode="json", by_alias=True)
        echo_json({**document, "actor": operator.actor, "reason": operator.reason})
    else:
        print_result(result)
    raise typer.Exit(INTERRUPTED if result.left else DONE)


def erased_basket_ids(printed: Path | None) -> tuple[str, ...]:
    """The baskets that earlier runs erased and printed. Raises typer.BadParameter where a line is not theirs."""
    from pydantic_core import from_json

    ids: dict[str, None] = {}
    try:
        lines = [] if printed is None else printed.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{printed} was not printed by `forget --json`: it is no text") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                ids.update(dict.fromkeys(from_json(line)["basketIds"]))
            except (ValueError, LookupError, TypeError) as error:
                raise typer.BadParameter(f"line {number} of {printed} was not printed by `forget --json`") from error
    if not ids:
        raise typer.BadParameter(f"{printed} names no basket")
    return tuple(ids)


async def _erase(selection: Person | BasketSelection, operator: Operator, *, confirmed: bool) -> ErasureResult | None:
    """None where it was not confirmed. Raises CheckoutError."""
    from contextlib import suppress

    from adapters.container import open_operator_container
    from cli.outage_retry import OutageRetry, with_long_run_timeouts
    from cli.signals import Interrupted, stop_signal

    async with open_operator_container(with_long_run_timeouts(load_settings())) as container:
        _print_scope(await container.erasure.begin(selection, operator))
        if not confirmed and not confirm("Forget it for good?"):
            return None
        async with stop_signal() as stop:
            retry = OutageRetry(stop, container.settings.long_run_patience)
            retry.under_way()
            erasure = await container.erasure.begin(selection, operator)
            with progress_bars() as progress, suppress(Interrupted):
                while erasure.left and not stop.is_set():
                    await retry.do(erasure.erase_next, stoppable=False)
                    progress("forgetting", erasure.done, erasure.total)
            return erasure.result()


def _print_scope(erasure: Erasure) -> None:
    """On stderr, like all but the result."""
    out = Output(sys.stderr)
    out.say(f"{count_noun(erasure.total, 'basket')} would forget what is personal in them, for good:")
    for partner, count in erasure.organisations.items():
        out.say(f"  {count:>7,}  of {partner}")


def print_result(result: ErasureResult, out: Output = STDOUT) -> None:
    def number(count: int) -> str:
        return format_number(count, ",")

    out.say(
        f"{count_noun(len(result.basket_ids), 'basket')} told to forget, "
        f"{number(result.keys_destroyed)} keys destroyed, {number(result.answers_emptied)} stored answers and "
        f"{number(result.dead_letters_emptied)} dead letters emptied"
        f"{f' (action {result.action_id})' if result.action_id else ''}"
    )
    if result.unchanged:
        out.say(f"{count_noun(result.unchanged, 'basket')} had forgotten already.")
    if result.left:
        out.say(f"Interrupted: {count_noun(result.left, 'basket')} left. The same command again goes on.")
    if result.stored_in_the_clear:
        listed = ", ".join(result.stored_in_the_clear[:MAX_LISTED])
        more = len(result.stored_in_the_clear) - MAX_LISTED
        out.say(
            f"{count_noun(len(result.stored_in_the_clear), 'basket')} hold events from before personal data was "
            "sealed: nothing shows it any more, but these events lie in the database and its backups as they came: "
            f"{listed}{f' and {number(more)} more' if more > 0 else ''}",
            style="yellow",
        )
    out.say(
        "What Kafka holds already stays until its retention ends, unless it was published sealed.",
        style="dim",
    )
