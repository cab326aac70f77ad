"""The options of `checkout dead-letters`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import (
    Output,
    Wide,
    echo_error,
    echo_json,
)
from cli.runner import load_settings, run_async

if TYPE_CHECKING:
    from adapters.container import Container

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)

Id = Annotated[int, typer.Argument(min=1, help="The letter's number, as `list` shows it.")]
Topic = Annotated[str | None, typer.Option(help="Only letters about messages of this topic.")]
Code = Annotated[str | None, typer.Option(help="Only letters with this code.")]
Basket = Annotated[str | None, typer.Option(help="Only letters about this basket.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")]


@app.callback()
def dead_letters() -> None:
    """Messages that were not understood: look at them, have them done after all, or leave them out."""


@app.command(name="list", epilog="Example: checkout dead-letters list --topic checkout.commands.v1")
def list_letters(
    topic: Topic = None,
    code: Code = None,
    basket: Basket = None,
    settled: Annotated[bool, typer.Option("--settled", help="Those that were settled.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Settled or not.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on where a page ended.")] = None,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Lists letters that wait, in the order in which they were buried."""
    from cli.dead_letters import screen

    which = None if everything else settled
    try:
        page = _run(
            lambda parts: parts.dead_letter_service.list(
                cursor, limit, which, topic=topic, code=code, basket_id=basket
            )
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--cursor") from error
    if json:
        echo_json(page)
    else:
        screen.show_page(page, Output(wide=wide))


@app.command(epilog="Example: checkout dead-letters show 7")
def show(id: Id, json: Json = False) -> None:
    """Shows one letter whole: the message, why it was buried, and what a retry or a skip would do."""
    from cli.dead_letters import screen

    letter = _run(lambda parts: parts.dead_letter_service.show(id))
    if json:
        echo_json(letter)
    else:
        screen.show_letter(letter)


@app.command(epilog='Example: checkout dead-letters retry --all --reason "the schema was mended"')
def retry(
    reason: Reason,
    id: Annotated[int | None, typer.Argument(min=1, help="One letter, by its number.")] = None,
    basket: Basket = None,
    code: Code = None,
    topic: Topic = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters that wait.")] = False,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Does what was not done, by the kind of each letter, in the order in which they were buried.

    A letter that fails again stays, with the newest error, and the later ones of its basket wait for it.

    Exit code 0: all that were asked for are settled. 1: some are not. 130: it was interrupted.
    """
    from cli.dead_letters.bulk_retry import retry_many
    from domain.operators.dead_letters.model import DeadLetterQuery

    who = operator_from_options(actor, reason)
    several = DeadLetterQuery(topic=topic, code=code, basket_id=basket)
    named = several != DeadLetterQuery()
    if [id is not None, named, everything].count(True) != 1:
        raise typer.BadParameter("name a letter, or --basket, --code or --topic, or --all")
    if id is not None:
        _tell([_run(lambda parts: parts.dead_letter_service.retry(id, who))], json=json)
        return
    result = _run(lambda parts: retry_many(parts.dead_letter_service, several, who, shown=not json))
    _tell(result.outcomes, json=json, error=result.error, interrupted=result.interrupted)


@app.command(epilog='Example: checkout dead-letters skip 7 --reason "sent by mistake"')
def skip(id: Id, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Leaves one letter out, for a reason, so that what waits behind it may go on.

    Exit code 0: it is settled. 1: it is not, for it cannot be left out.
    """
    who = operator_from_options(actor, reason)
    _tell([_run(lambda parts: parts.dead_letter_service.skip(id, who))], json=json)


def _tell(outcomes: Any, *, json: bool, error: str | None = None, interrupted: bool = False) -> None:
    """Says what became of it, and ends."""
    from cli.dead_letters import screen
    from cli.runner import INTERRUPTED

    if json:
        echo_json(screen.results_json(outcomes, error=error, interrupted=interrupted))
    else:
        screen.show_results(outcomes)
    if error is not None:
        echo_error(error)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    settled = all(outcome.result in {"done", "settled"} for outcome in outcomes)
    raise typer.Exit(0 if settled and error is None else 1)


def _run(work: Callable[[Container], Coroutine[Any, Any, T]]) -> T:
    """The result of work with the parts."""
    from adapters.container import open_container

    async def with_parts() -> T:
        async with open_container(load_settings()) as parts:
            return await work(parts)

    return run_async(with_parts())
