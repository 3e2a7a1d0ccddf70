"""``enrol audit``."""

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from enrol.cli.databases import Database, read_settings
from enrol.cli.maintenance import failures_told
from enrol.cli.output import FAILED, USAGE, Json, fail, progress_bar

if TYPE_CHECKING:
    from enrol.customers.lifecycle.chain import Head
    from enrol.maintenance.audit import Chain

_HEAD: Final = re.compile(r"(0|[1-9][0-9]{0,18}):([0-9a-f]{64})", re.IGNORECASE)

app = typer.Typer(
    help="The chain of events: is it whole, and where does it end?\n\n"
    "Example: enrol audit verify --database /var/lib/enrol/enrol.db",
    no_args_is_help=True,
)
Project = Annotated[str | None, typer.Option("--project", help="Of this project's events alone.")]


@app.command("verify")
def verify(
    project: Project = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            help="SEQ:HASH, as `enrol audit head` gave it before: it must be in the chain.",
        ),
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Follow the chain of each project's events, and tell the first place where it is broken.

    Exit code 1 when one is broken. The server may run meanwhile.

    Example: enrol audit verify --project 66b3f1d2
    """
    from enrol.maintenance.audit import read_heads, verify_chains
    from enrol.maintenance.places import Place

    published = None if head is None else _read_head(head)
    settings = read_settings(database=database)
    with failures_told(), progress_bar(as_json=as_json) as progress:
        place = Place(settings.database)
        if published is not None and project is None:
            if len(read_heads(place)) != 1:
                fail("Say by --project of which project the head is.", USAGE)
        chains = verify_chains(place, progress, project=project, published=published)
    whole = all(chain.broken is None for chain in chains)
    if as_json:
        told = {"database": str(place), "whole": whole, "projects": [_row(each) for each in chains]}
        typer.echo(json.dumps(told))
    else:
        for chain in chains:
            _print_chain(chain)
        typer.echo("Every chain is whole." if whole else "A chain is broken: see above.")
    if not whole:
        raise typer.Exit(FAILED)


@app.command("head")
def show_head(project: Project = None, database: Database = None, as_json: Json = False) -> None:
    """Show where the chain of each project's events ends, to be kept where nobody can change it.

    Of one project SEQ:HASH alone, as `enrol audit verify --head` takes it.

    Example: enrol audit head --project 66b3f1d2 >> heads.txt
    """
    from enrol.maintenance.audit import read_heads
    from enrol.maintenance.places import Place

    settings = read_settings(database=database)
    with failures_told():
        heads = read_heads(Place(settings.database), project)
    if as_json:
        rows = [{"project": name, **_head_row(each)} for name, each in heads.items()]
        typer.echo(json.dumps(rows))
        return
    for name, each in heads.items():
        typer.echo(_head_text(each) if project else f"{name}  {_head_text(each)}")


def _read_head(text: str) -> "Head":
    from enrol.customers.lifecycle.chain import Head

    match = _HEAD.fullmatch(text)
    if match is None:
        fail("The head must be SEQ:HASH, a number and 64 hexadecimal digits.", USAGE)
    return Head(int(match[1]), bytes.fromhex(match[2]))


def _head_text(head: "Head") -> str:
    return f"{head.seq}:{head.hash.hex()}"


def _head_row(head: "Head") -> dict[str, Any]:
    return {"seq": head.seq, "hash": head.hash.hex() or None}


def _row(chain: "Chain") -> dict[str, Any]:
    return {
        "project": chain.project,
        **_head_row(chain.head),
        "links": chain.links,
        "events": chain.events,
        "beforeChain": chain.before_chain,
        "erased": chain.erased,
        "broken": None if chain.broken is None else chain.broken._asdict(),
    }


def _print_chain(chain: "Chain") -> None:
    if chain.broken is not None:
        kind, seq, message = chain.broken
        typer.secho("broken  ", fg=typer.colors.RED, nl=False)
        typer.echo(f"{chain.project}: {kind} at event {seq}. {message}")
        return
    typer.secho("whole   ", fg=typer.colors.GREEN, nl=False)
    told = f"{chain.project}: {chain.events:,} events in {chain.links:,} links"
    if chain.before_chain:
        told += f", {chain.before_chain:,} of them from before the chain"
    if chain.erased:
        told += f", the data of {chain.erased:,} erased"
    typer.echo(f"{told}; the head is {_head_text(chain.head)}")
