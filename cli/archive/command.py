"""The commands of `checkout archive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Output, Wide, echo, echo_error, echo_json
from cli.runner import DONE, NOT_DONE, run_interruptible, run_with_container
from domain.shared.formatting import count_noun

if TYPE_CHECKING:
    import asyncio

    from adapters.container import Container
    from domain.operators.archive.retrieval import FileReport
    from domain.ports.archive import ArchivedBasket

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]

Partner = Annotated[str | None, typer.Option(help="Only baskets of this organisation.", show_default=False)]
FromPosition = Annotated[
    int | None, typer.Option(min=1, help="Only baskets with an event at this position or later.", show_default=False)
]
ToPosition = Annotated[
    int | None, typer.Option(min=1, help="Only baskets with an event up to this position.", show_default=False)
]

app = typer.Typer(
    no_args_is_help=True,
    help="Moves baskets that are over into files, and brings them back.",
    epilog="Example: checkout archive restore basket-… (CHECKOUT_ARCHIVE_FOLDER says where the files are)",
)


@app.command(epilog="Example: checkout archive run --limit 10000 --dry-run")
def run(
    limit: Annotated[int | None, typer.Option(min=1, help="Move so many baskets at most.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would move, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Archives now what the archiver would archive bit by bit: baskets that are over for CHECKOUT_ARCHIVE_AFTER.

    Serving goes on. A basket stays in the store while anything of it is unpublished or waits for an operator, and where
    it holds personal data that is not encrypted.

    Exit code 0: all that may move has moved, or --limit is reached. 1: it did not; stderr says why, and nothing is lost.
    130: it was interrupted; the same command again goes on.
    """
    from cli.archive.run import archive_now

    outcome = run_interruptible(lambda container, stop: archive_now(container, stop, limit, dry=dry_run))
    if json:
        echo_json(outcome.document())
    else:
        outcome.show()
    raise typer.Exit(outcome.exit_code)


@app.command("list", epilog="Example: checkout archive list --partner acme --json")
def list_baskets(
    partner: Partner = None,
    from_position: FromPosition = None,
    to_position: ToPosition = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    after: Annotated[str, typer.Option(help="Only baskets after this id, for the next page.", show_default=False)] = "",
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Lists the baskets in the archive, by id, with the file that holds each."""
    from domain.ports.archive import ArchiveSelection

    selection = ArchiveSelection(partner, from_position, to_position)
    rows = run_with_container(lambda container: container.archive_index.page(selection, after, limit))
    if json:
        for row in rows:
            echo_json(_row_document(row))
        return
    out = Output(wide=wide)
    out.table(
        ["basket", "partner", "events", "archived", "file"],
        [[row.basket_id, row.partner, str(row.version), f"{row.archived_at:%Y-%m-%d %H:%M}", row.file] for row in rows],
    )
    if len(rows) == limit:
        out.note(f"The next page: --after {rows[-1].basket_id}")


@app.command(epilog="Example: checkout archive show basket-…")
def show(basket_id: Annotated[str, typer.Argument(help="The basket.")], json: Json = False) -> None:
    """Shows where a basket in the archive lies, and its events in words, without bringing it back.

    Exit code 0: it is in the archive. 1: it is not, or its file cannot be read.
    """
    from cli.history import HistoryPrinter

    row, entries = run_with_container(lambda container: container.archive.history(basket_id))
    if json:
        echo_json(_row_document(row))
        for entry in entries:
            echo_json(entry)
        return
    echo(f"{row.basket_id} of {row.partner}: {count_noun(row.version, 'event')} in {row.file}")
    printer = HistoryPrinter()
    for entry in entries:
        printer.print(entry)
    Output().note(f"Bring it back: checkout archive restore {row.basket_id}")


@app.command(epilog="Example: checkout archive verify")
def verify(
    files: Annotated[list[str] | None, typer.Argument(help="Files by name; none: all that hold a basket.")] = None,
    json: Json = False,
) -> None:
    """Reads files of the archive, and compares them with their checksums and with what the store noted.

    Exit code 0: all are whole. 1: some are not; bring those from a backup of the folder.
    """
    reports = run_interruptible(lambda container, stop: _verify(container, stop, files))
    damaged = [report for report in reports if report.problems]
    for report in reports:
        if json:
            document = {"file": report.file, "baskets": report.baskets, "events": report.events}
            echo_json({**document, "problems": list(report.problems)})
        for problem in report.problems:
            echo_error(problem)
    if not json:
        echo(f"{count_noun(len(reports), 'file')} read, {len(damaged)} damaged")
    raise typer.Exit(NOT_DONE if damaged else DONE)


@app.command(epilog="Example: checkout archive restore --partner acme --from-position 1200")
def restore(
    basket_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[BASKET_ID…]", help="The baskets; none: those that options say.")
    ] = None,
    partner: Partner = None,
    from_position: FromPosition = None,
    to_position: ToPosition = None,
    json: Json = False,
) -> None:
    """Brings baskets back into the store: their events at their old places, and their views.

    They stay there for CHECKOUT_ARCHIVE_AFTER, at least. The same command again changes nothing, or goes on where it
    was cut off.

    Exit code 0: they are in the store. 1: some are not known, or a file cannot be read. 130: it was interrupted.
    """
    from cli.archive.run import bring_back, bring_back_selected
    from domain.ports.archive import ArchiveSelection

    selection = ArchiveSelection(partner, from_position, to_position)
    if bool(basket_ids) == (selection != ArchiveSelection()):
        raise typer.BadParameter("name baskets, or say which by options; not both")
    if not basket_ids:
        count = run_interruptible(lambda container, stop: bring_back_selected(container, stop, selection))
        if json:
            echo_json({"restored": count})
        else:
            echo(f"{count_noun(count, 'basket')} brought back")
        return
    restored, unknown = run_with_container(lambda container: bring_back(container, basket_ids))
    if json:
        echo_json({"restored": sorted(restored), "unknown": sorted(unknown)})
    else:
        there = len(set(basket_ids)) - len(restored) - len(unknown)
        echo(f"{count_noun(len(restored), 'basket')} brought back{f', {there} were there already' if there else ''}")
    for basket_id in sorted(unknown):
        echo_error(f"there is no basket {basket_id}, and it was never archived")
    raise typer.Exit(NOT_DONE if unknown else DONE)


async def _verify(container: Container, stop: asyncio.Event, files: list[str] | None) -> list[FileReport]:
    from cli.output import progress_bars
    from cli.signals import Interrupted

    names = [name.removesuffix(".jsonl.gz") for name in files] if files else [*await container.archive.files()]
    reports = []
    with progress_bars() as progress:
        for name in names:
            reports.append(await container.archive.verify(name))
            progress("verifying", len(reports), len(names))
            if stop.is_set():
                raise Interrupted
    return reports


def _row_document(row: ArchivedBasket) -> dict[str, object]:
    return {
        "basketId": row.basket_id,
        "partner": row.partner,
        "file": row.file,
        "events": row.version,
        "firstPosition": row.first_position,
        "lastPosition": row.last_position,
        "archivedAt": row.archived_at.isoformat(),
    }
