"""Measures what a call costs beside its peers.

python -m benchmarks.performance run [--page]     everything, into benchmarks/results/; --page writes the pages too
python -m benchmarks.performance quick            less of each, in under three minutes; the last line is one JSON object
python -m benchmarks.performance page [FILE]      docs/performance.md with its plots, and docs/scaling.md, from a file of
                                                  results, the newest without one
python -m benchmarks.performance add NAME         puts the JSON object that another benchmark printed last into the newest
                                                  results: python -m benchmarks.growth | … add growth
python -m benchmarks.performance workers          the API with one and two processes, and one and two projectors
python -m benchmarks.performance soak             memory of the API and the workers under load, for half an hour; ends with
                                                  1 where a process of the service grew
python -m benchmarks.performance profile [CALL]   processor time of calls inside one process; --profile shows where it goes

`quick` and `run` end with 1 where a target is missed and with 2 where they could not measure. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvloop

from adapters.embedded.processes import EmbeddedServerUnavailable, ServerFailed
from adapters.logs import configure_logging
from benchmarks.performance import call_costs
from benchmarks.performance.comparison import NotMeasured
from benchmarks.performance.measurement import QUICK, WHOLE, measure
from benchmarks.performance.results import FOLDER, commit, latest_results, now, read_results
from benchmarks.performance.soak import FILLING_BASKETS, REST_SECONDS, soak
from benchmarks.performance.soak_results import MOST_GROWTH, latest_soak
from benchmarks.performance.workers import measure_workers

T = TypeVar("T")

_NOT_MEASURED = 2


def main() -> None:
    if sys.argv[1:2] == ["profile"]:
        del sys.argv[1]
        call_costs.main()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "quick"):
        command = commands.add_parser(name)
        command.add_argument("--database-url", help="a PostgreSQL server on this machine; else an embedded one")
        command.add_argument(
            "--page", action="store_true", help="write docs/performance.md, its plots and docs/scaling.md too"
        )
    commands.add_parser("workers")
    commands.add_parser("page").add_argument("file", nargs="?", type=Path)
    adding = commands.add_parser("add")
    adding.add_argument("name")
    adding.add_argument("--note", help="what a reader must know of this measurement, such as: on a busy machine")
    soaking = commands.add_parser("soak")
    soaking.add_argument("--minutes", type=float, default=30.0)
    soaking.add_argument("--rate", type=float, default=50.0, help="calls a second")
    soaking.add_argument("--filling", type=int, default=FILLING_BASKETS, help="baskets that fill the caches before")
    soaking.add_argument("--rest", type=float, default=REST_SECONDS, help="seconds without calls, before and after")
    soaking.add_argument("--folder", type=Path, default=FOLDER, help="where the results go")
    given = parser.parse_args()
    configure_logging("WARNING")
    try:
        match given.command:
            case "page":
                _write_page(given.file or latest_results())
            case "add":
                _add_section(given.name, sys.stdin.read().splitlines()[-1], given.note)
            case "workers":
                print(msgspec.json.encode(_until_stopped(measure_workers(_tell))).decode())
            case "soak":
                _soak(given)
            case name:
                results = _until_stopped(measure(WHOLE if name == "run" else QUICK, given.database_url, _tell))
                if name == "run" or given.page:
                    file = results.write()
                    _tell(f"written to {file}")
                    if given.page:
                        _write_page(file)
                print(results.encoded().decode())
                raise SystemExit(0 if results.met else 1)
    except (NotMeasured, EmbeddedServerUnavailable, ServerFailed, OSError) as error:
        _tell(f"could not measure: {error}")
        raise SystemExit(_NOT_MEASURED) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        _tell("stopped")
        raise SystemExit(130) from None


def _soak(given: argparse.Namespace) -> None:
    run = soak(given.minutes, given.rate, _tell, given.folder, filling=given.filling, rest=given.rest)
    file, results = _until_stopped(run)
    growth = {name: round(results.growth(name), 1) for name in results.processes}
    said = {"file": str(file), "growth": growth, "limit": MOST_GROWTH, "grown": [*results.grown]}
    print(msgspec.json.encode(said).decode())
    raise SystemExit(1 if results.grown else 0)


def _until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """The result. SIGTERM ends the work as Ctrl-C does, so that it stops all that it started."""

    async def stoppable() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return uvloop.run(stoppable())


def _write_page(file: Path | None) -> None:
    from benchmarks.performance.page import write_page  # noqa: PLC0415  needs matplotlib
    from benchmarks.performance.scaling_inputs import MissingSection  # noqa: PLC0415
    from benchmarks.performance.scaling_page import write_scaling  # noqa: PLC0415

    if file is None:
        raise SystemExit("there are no results: run make bench first")
    results, soak = read_results(file), latest_soak()
    write_page(results, file, soak)
    _tell("docs/performance.md is written")
    try:
        if soak is None:
            raise MissingSection("no soak run is kept: python -m benchmarks.performance soak")
        write_scaling(results, file, soak)
        _tell("docs/scaling.md is written")
    except MissingSection as error:
        _tell(f"docs/scaling.md stays as it is: {error}")


def _add_section(name: str, printed: str, note: str | None) -> None:
    file = latest_results()
    if file is None:
        raise SystemExit("there are no results: run make bench first")
    results = read_results(file)
    measured = {"made": now(), "commit": commit()} | ({} if note is None else {"note": note})
    section = {name: {**msgspec.json.decode(printed), "measured": measured}}
    file = msgspec.structs.replace(results, sections={**results.sections, **section}).write()
    _tell(f"written to {file}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
