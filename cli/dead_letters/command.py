"""The options of `checkout dead-letters`, and what its commands do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import Actor, Reason, operator_from_options
from cli.output import Output, Wide, echo_error, echo_json, progress_bars
from cli.runner import DONE, INTERRUPTED, NOT_DONE, run_with_container
from cli.signals import stop_signal

if TYPE_CHECKING:
    from domain.operators.audit import Operator
    from domain.operators.dead_letters.model import DeadLetterQuery, ResolutionResult
    from domain.operators.dead_letters.service import DeadLetterService

app = typer.Typer(no_args_is_help=True)

Id = Annotated[int, typer.Argument(min=1, help="The letter's number, as `list` shows it.")]
Topic = Annotated[str | None, typer.Option(help="Only letters about messages of this topic.")]
Code = Annotated[str | None, typer.Option(help="Only letters with this code.")]
Basket = Annotated[str | None, typer.Option(help="Only letters about this basket.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")]


@app.callback()
def dead_letters() -> None:
    """Messages that were not understood: list them, retry them, or leave them out."""


@app.command(name="list", epilog="Example: checkout dead-letters list --topic checkout.commands.v1")
def list_letters(
    topic: Topic = None,
    code: Code = None,
    basket: Basket = None,
    settled: Annotated[bool, typer.Option("--settled", help="Letters that were settled.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All letters, settled or not.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most letters of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="The next page, as the page before names it.")] = None,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Lists letters that wait for an operator, in the order in which they were recorded."""
    from cli.dead_letters import screen

    which = None if everything else settled
    try:
        page = run_with_container(
            lambda container: container.dead_letter_service.list(
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
    """Shows one whole letter: its message, its error, and what a retry or a skip would do."""
    from cli.dead_letters import screen

    letter = run_with_container(lambda container: container.dead_letter_service.show(id))
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
    """Does what the messages asked for, in the order in which the letters were recorded.

    A letter that fails again stays, with the new error, and the later letters of its basket wait for it.

    Exit code 0: all that were asked for are settled. 1: some are not. 130: it was interrupted.
    """
    from domain.operators.dead_letters.model import DeadLetterQuery

    operator = operator_from_options(actor, reason)
    query = DeadLetterQuery(topic=topic, code=code, basket_id=basket)
    if [id is not None, query != DeadLetterQuery(), everything].count(True) != 1:
        raise typer.BadParameter("name a letter, or --basket, --code or --topic, or --all")
    if id is not None:
        _finish([run_with_container(lambda parts: parts.dead_letter_service.retry(id, operator))], json=json)
    many = run_with_container(lambda parts: _retry_many(parts.dead_letter_service, query, operator, shown=not json))
    _finish(many.results, json=json, error=many.error, interrupted=many.interrupted)


@app.command(epilog='Example: checkout dead-letters skip 7 --reason "sent by mistake"')
def skip(id: Id, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Leaves one letter out, for a reason, so that what waits behind it goes on.

    Exit code 0: it is settled. 1: it cannot be left out.
    """
    operator = operator_from_options(actor, reason)
    _finish([run_with_container(lambda parts: parts.dead_letter_service.skip(id, operator))], json=json)


@dataclass(slots=True)
class _BulkRetry:
    """The results until the end, an interruption, or an outage (`error`)."""

    results: list[ResolutionResult] = field(default_factory=list)
    error: str | None = None
    interrupted: bool = False


async def _retry_many(
    service: DeadLetterService, query: DeadLetterQuery, operator: Operator, *, shown: bool
) -> _BulkRetry:
    """Retries letter by letter, with a progress bar on stderr. An interruption takes effect between two letters."""
    from domain.shared.errors import Unavailable

    retried, done, total = _BulkRetry(), 0, None
    if query.basket_id is None:
        counts = await service.counts()
        total = sum(
            each.count for each in counts if query.topic in (None, each.topic) and query.code in (None, each.code)
        )
    with progress_bars(shown=shown) as moved:
        async with stop_signal() as stop:
            try:
                async for result in service.retry_all(query, operator):
                    retried.results.append(result)
                    done += 1 + len(result.along)
                    moved("retrying", done, total)
                    if stop.is_set():
                        retried.interrupted = True
                        break
            except Unavailable as error:
                retried.error = str(error)
    return retried


def _finish(
    results: Sequence[ResolutionResult],
    *,
    json: bool,
    error: str | None = None,
    interrupted: bool = False,
) -> None:
    """Shows the results and ends the command."""
    from cli.dead_letters import screen

    if json:
        echo_json(screen.results_json(results, error=error, interrupted=interrupted))
    else:
        screen.show_results(results)
    if error is not None:
        echo_error(error)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    settled = all(result.result in {"done", "settled"} for result in results)
    raise typer.Exit(DONE if settled and error is None else NOT_DONE)
