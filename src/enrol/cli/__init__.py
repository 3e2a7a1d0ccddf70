"""The ``enrol`` command.

Exit codes: 0 done, 1 failed, 2 the command line or a setting is not right, 3 something that was
named is not there or is there already, 4 an import some of whose customers were refused.
"""

import typer

from enrol.cli import audit, exporting, importing, keys, maintenance, projects, serving, undoing

app = typer.Typer(
    name="enrol",
    help="A self-hosted customer registry for people, companies and their blockchain wallets.\n\n"
    "Example: enrol demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
serving.add_to(app)
app.add_typer(projects.app, name="project")
app.add_typer(keys.app, name="key")
app.add_typer(audit.app, name="audit")
importing.add_to(app)
exporting.add_to(app)
undoing.add_to(app)
maintenance.add_to(app)


def main() -> None:
    """Run the command line."""
    app()
