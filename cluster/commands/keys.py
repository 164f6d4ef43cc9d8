"""`python -m cluster keys`: lists and rotates the keys that sign access tokens."""

import typer
from rich.console import Console
from rich.table import Table

from cluster.commands import app
from cluster.errors import SettingsError
from cluster.settings import load_settings
from cluster.signing_keys import keys_folder, rotate
from serve.accounts.key_ring import UnusableKeys, made_at, read_keys, signer_of

_console = Console()
keys = typer.Typer(help="List or rotate the keys that sign access tokens.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("list")
def list_keys() -> None:
    """List the keys, oldest first: when each was made, its name in tokens, and what it does."""
    try:
        found = read_keys(keys_folder(load_settings()))
    except UnusableKeys as error:
        raise SettingsError(str(error)) from error
    signer = signer_of(found)
    table = Table("made", "kid", "", box=None)
    for key in found:
        does = "signs" if key is signer else "ahead" if key is found[-1] else "verifies"
        table.add_row(f"{made_at(key.file):%Y-%m-%d %H:%M:%S} UTC", key.kid, does)
    _console.print(table, soft_wrap=True)


@keys.command("rotate")
def rotate_keys() -> None:
    """Sign with the key that was ahead, publish another one ahead, drop those that are needed no more.

    The system may run: its replicas read the folder by themselves, and no token that is good ends. Exit code 0 when it
    is done; 1 when the key that is ahead was published only minutes ago, or another command is at it.
    """
    done = rotate(keys_folder(load_settings()))
    _console.print(f"{done.signs} signs, {done.ahead} is ahead.", highlight=False)
    for name in done.dropped:
        _console.print(f"Dropped {name}.", highlight=False)
