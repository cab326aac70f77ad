"""`checkout data-keys`: the master keys that wrap the keys of personal data."""

from __future__ import annotations

import asyncio
import json as json_library
import signal
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

NOT_DONE = 1
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
    from adapters.privacy.master_keys import (  # noqa: PLC0415  slow to load: only when it is called
        UnusableMasterKeys,
        add_master_key,
        make_master_key,
    )
    from adapters.settings import Settings  # noqa: PLC0415

    path = Settings().data_key_file
    if path is None:
        raise typer.BadParameter("CHECKOUT_DATA_KEY_FILE names no file")
    try:
        if not path.exists():
            make_master_key(path)
            typer.echo(f"made {path}")
        elif not if_missing:
            add_master_key(path)
            typer.echo(f"a new master key is the first of {path}")
    except (UnusableMasterKeys, OSError) as error:
        typer.echo(f"checkout: {error}", err=True)
        raise typer.Exit(NOT_DONE) from error


@app.command()
def rewrap(json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False) -> None:
    """Wraps every key by the first master key, so that the others can leave the file.

    Do it once all processes run with the new file. Exit code 0: done. 1: something stood in the way. 130: it was
    interrupted; the same command again goes on.
    """
    from domain.errors import CheckoutError  # noqa: PLC0415  slow to load: only when it is called

    try:
        done, complete = asyncio.run(_rewrap())
    except CheckoutError as error:
        typer.echo(f"checkout: {error}", err=True)
        raise typer.Exit(NOT_DONE) from error
    if json:
        typer.echo(json_library.dumps({"rewrapped": done, "complete": complete}))
    else:
        typer.echo(f"{done:,} keys are wrapped by the first master key now")
    raise typer.Exit(0 if complete else INTERRUPTED)


async def _rewrap() -> tuple[int, bool]:
    from adapters.privacy.rewrapping import rewrap as rewrap_all  # noqa: PLC0415
    from adapters.settings import NotConfigured, Settings  # noqa: PLC0415
    from adapters.wiring import master_keys, open_parts  # noqa: PLC0415

    settings = Settings()
    master = master_keys(settings)
    if master is None:
        raise NotConfigured("CHECKOUT_DATA_KEY_FILE names no file")
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with open_parts(settings) as parts:

        def go_on(done: int) -> bool:
            typer.echo(f"{done:,} keys", err=True)
            return not stop.is_set()

        done = await rewrap_all(parts.data_keys, master, go_on)
        return done, not await parts.data_keys.wrapped_by_others(master.first, 1)
