"""The command line: `lighttouch COMMAND`."""

import typer

from .cli_audit import audit
from .cli_data import check, features, simulate
from .cli_frontier import frontier
from .cli_gate import plan_experiment, promote, roll_back
from .cli_model import evaluate, train
from .cli_nightly import explain, recommend
from .cli_sending import recheck
from .console import told_errors
from .demo import demo

app = typer.Typer(
    name="lighttouch",
    help="The least contact that brings an overdue borrower back: how often, on which channel, or not at all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo,
    simulate,
    check,
    features,
    train,
    evaluate,
    promote,
    plan_experiment,
    frontier,
    audit,
    recommend,
    explain,
    recheck,
):
    app.command()(command)
app.command("rollback")(roll_back)


def main() -> None:
    """Run the command line; an error raised on purpose is told in a message, not in a traceback."""
    with told_errors():
        app()
