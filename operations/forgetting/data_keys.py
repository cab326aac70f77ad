"""`checkout data-keys`: the master keys that wrap the keys of personal data."""

from __future__ import annotations

import json as json_library
from typing import Annotated

import typer

from operations.runner import run, settings

app = typer.Typer(no_args_is_help=True)

INTERRUPTED = 130


@app.callback()
def data_keys() -> None:
    """The master keys of personal data, in the file that CHECKOUT_DATA_KEY_FILE names."""


@app.command()
def new(
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Only where there is no file yet.")
    ] = False,
) -> None:
    """Makes a master key and puts it in front of those in the file, which is made where there is none.

    From their next start on, processes seal by it. Keep the file apart from the database's backups, and do not
    lose it: with it all personal data is lost.
    """
    from adapters.privacy.master_keys import add_master_key, make_master_key

    path = settings().data_key_file
    if path is None:
        raise typer.BadParameter("CHECKOUT_DATA_KEY_FILE names no file")
    if not path.exists():
        make_master_key(path)
        typer.echo(f"made {path}")
    elif not if_missing:
        add_master_key(path)
        typer.echo(f"a new master key is the first of {path}")


@app.command()
def rewrap(json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False) -> None:
    """Wraps every key by the first master key, so that the others can leave the file.

    Do it once all processes run with the new file. Exit code 0: done. 1: something stood in the way. 130: it was
    interrupted; the same command again goes on.
    """
    done, complete = run(_rewrap())
    if json:
        typer.echo(json_library.dumps({"rewrapped": done, "complete": complete}))
    else:
        typer.echo(f"{done:,} keys are wrapped by the first master key now")
    raise typer.Exit(0 if complete else INTERRUPTED)


async def _rewrap() -> tuple[int, bool]:
    from adapters.privacy.rewrapping import rewrap as rewrap_all
    from adapters.wiring import NotConfigured, master_keys, open_parts
    from operations.stopping import stopped

    known = settings()
    master = master_keys(known)
    if master is None:
        raise NotConfigured("CHECKOUT_DATA_KEY_FILE names no file")
    async with open_parts(known) as parts, stopped() as stop:

        def go_on(done: int) -> bool:
            typer.echo(f"{done:,} keys", err=True)
            return not stop.is_set()

        done = await rewrap_all(parts.data_keys, master, go_on)
        return done, not await parts.data_keys.wrapped_by_others(master.first, 1)
