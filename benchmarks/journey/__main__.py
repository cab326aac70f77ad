"""The commands of `python -m benchmarks.journey`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.journey.records import LAST_WEEK

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False)

Week = Annotated[int, typer.Option(min=1, max=LAST_WEEK, help="A week of the data, 1 to 53.")]
Out = Annotated[Path, typer.Option(help="The file to write.")]
EVERY_WEEK = f"1-{LAST_WEEK}"
FOLDER = Path(".cache/journey")


@app.callback()
def journey() -> None:
    """Plays the whole completejourney data set against the service."""


@app.command()
def facts(
    out: Out,
    now_is_week: Week = 20,
    weeks: Annotated[str, typer.Option(help="Prices that hold in these weeks, A-B.")] = EVERY_WEEK,
    products: Annotated[int | None, typer.Option(min=1, help="Only the most sold; else all.")] = None,
) -> None:
    """Writes catalogue facts for `checkout catalogue load`."""
    from benchmarks.journey import dataset
    from benchmarks.journey.json_lines import write_lines
    from benchmarks.journey.progress_bars import CONSOLE, with_bar

    first, _, last = weeks.partition("-")
    with CONSOLE.status("reading the data"):
        year = dataset.catalogue_year(now_is_week, dataset.most_sold(products) if products else None)
    selected = range(int(first), int(last or first) + 1)
    rows = with_bar("products", year.products, len(year.products))
    count = write_lines(out, (fact for product in rows for fact in year.facts(product, selected)))
    CONSOLE.print(f"{count:,} facts; week {now_is_week} is now. Load them: checkout catalogue load {out}")


@app.command()
def baskets(out: Out, week: Week = 20, limit: Annotated[int, typer.Option(min=1)] = 20_000) -> None:
    """Writes real baskets, one a line: those of the week, then of the weeks after it, then of those before."""
    from benchmarks.journey import dataset
    from benchmarks.journey.json_lines import basket_row, write_lines
    from benchmarks.journey.progress_bars import CONSOLE, with_bar

    with CONSOLE.status("reading the data"):
        found = dataset.baskets(week, limit)
    count = write_lines(out, with_bar("baskets", map(basket_row, found), len(found)))
    CONSOLE.print(f"{count:,} baskets with {sum(len(basket.lines) for basket in found):,} lines")


@app.command()
def play(
    week: Week = 20,
    limit: Annotated[int, typer.Option(min=1, help="How many baskets.")] = 2_000,
    callers: Annotated[int, typer.Option(min=1, help="Concurrent calls.")] = 16,
    folder: Annotated[Path, typer.Option(help="Keeps the run, so that an interrupted one can continue.")] = FOLDER,
    service: Annotated[
        Path | None,
        typer.Option(help="A file with the line that `checkout up --json` printed; else one is started."),
    ] = None,
) -> None:
    """Initiates real baskets with the prices of a week, lets a week pass, validates them, and compares the findings with
    what pandas expects; fails if they differ."""
    from benchmarks.journey.play import PlayOptions, play_and_compare

    raise typer.Exit(play_and_compare(PlayOptions(week, limit, callers), folder, service))


@app.command()
def remedies(
    week: Week = 20,
    limit: Annotated[int, typer.Option(min=1, help="How many baskets.")] = 2_000,
    callers: Annotated[int, typer.Option(min=1, help="Concurrent calls.")] = 16,
    folder: Annotated[Path, typer.Option(help="Keeps the facts.")] = FOLDER / "remedies",
) -> None:
    """Changes the catalogue under real baskets, sends each remedy as it stands, and compares the next verdict with what
    the remedy promised; fails if they differ."""
    import uvloop

    from benchmarks.journey.progress_bars import CONSOLE
    from benchmarks.journey.remedies import play_remedies

    folder.mkdir(parents=True, exist_ok=True)
    played = uvloop.run(play_remedies(limit, week, callers, folder))
    CONSOLE.print(played.table())
    for broken in played.broken[:20]:
        CONSOLE.print(broken)
    raise typer.Exit(1 if played.broken else 0)


@app.command()
def load_speed(
    facts: Annotated[int, typer.Option(min=1, help="How many facts.")] = 200_000,
    apache: Annotated[bool, typer.Option(help="Apache Kafka itself, on this machine's Java.")] = False,
    profile: Annotated[bool, typer.Option(help="Print which functions take the time; slower.")] = False,
) -> None:
    """Measures how many catalogue facts a second go from their topics into the projections."""
    import uvloop

    from adapters.logs import configure_logging
    from benchmarks.journey.load_speed import measure

    configure_logging("WARNING")
    uvloop.run(measure(facts, apache=apache, profile=profile))


@app.command()
def figures(
    folder: Annotated[Path, typer.Option(help="Of a run of `play`, whose catalogue is used.")] = FOLDER,
) -> None:
    """Measures validations against GETs, in round trips, for the largest basket, and the API's memory."""
    import uvloop

    from benchmarks.journey import dataset
    from benchmarks.journey.figures import show_figures

    products, sold = dataset.products(), dataset.most_sold(20_000)
    uvloop.run(show_figures(folder, [each.id for each in products], [each.id for each in sold]))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.journey")
