"""What a person sees while a command runs: stages with their time, tables, and errors without a traceback."""

import re
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from ..data.errors import LightTouchError
from ..data.stores import without_password

# A log file or a pipe has no width: tables are laid out for this, and sentences are wrapped to it.
PLAIN_WIDTH = 120
_NO_WIDTH = 10_000
_NOT_SUPPORTED = "not supported"
# What is left of a small loss once it is rounded: a sign without a number.
_MINUS_NOTHING = re.compile(r"-(?=[0.,]*%?$)")


def _console(*, stderr: bool) -> Console:
    found = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=PLAIN_WIDTH)


console = _console(stderr=False)
errors = _console(stderr=True)


@contextmanager
def stage(text: str) -> Iterator[None]:
    """Show what is being done, and how long it took once it is done."""
    start, text = time.monotonic(), escape(text)
    with console.status(f"{text} ..."):
        yield
    console.print(f"  [green]done[/green] {text} [dim]({time.monotonic() - start:.1f} s)[/dim]")


def checking(source: str) -> AbstractContextManager[None]:
    """Announce the checking of a source, an address without its password."""
    return stage(f"checking {without_password(source)}")


@contextmanager
def told_errors() -> Iterator[None]:
    """Print an error raised on purpose as a message, and end with status 1."""
    try:
        yield
    except LightTouchError as error:
        errors.print(f"[red]{type(error).__name__}[/red]: ", end="")
        errors.print(str(error), markup=False)
        raise SystemExit(1) from None


def say(text: str) -> None:
    """Print a line."""
    console.print(text, markup=False)


def note(text: str) -> None:
    """Print sentences, wrapped under their own beginning; paths and names are never broken."""
    indent = " " * (len(text) - len(text.lstrip()))
    wrapper = textwrap.TextWrapper(PLAIN_WIDTH, indent, f"{indent}  ", break_long_words=False, break_on_hyphens=False)
    say(wrapper.fill(text.lstrip()))


def band(frame: pd.DataFrame, name: str, rule: str, supported: pd.Series | None = None) -> list[str]:
    """Return a cell per row of a figure with its interval, out of the columns `name`, `name_low` and `name_high`.

    Parameters
    ----------
    supported : Series of bool, optional
        Whether the log carries the figure. Where it does not, the figure is the model's word, and an interval would claim more.
    """
    columns = (frame[name], frame[f"{name}_low"], frame[f"{name}_high"])
    cells = [tuple(_cell(number, rule) for number in row) for row in zip(*columns, strict=True)]
    told = [f"{estimate} [{low}, {high}]" if low and high else estimate for estimate, low, high in cells]
    if supported is None:
        return told
    return [
        whole if carries else f"{cell[0]} ({_NOT_SUPPORTED})"
        for whole, cell, carries in zip(told, cells, supported, strict=True)
    ]


def carried(figures: pd.Series, rule: str, supported: pd.Series) -> list[str]:
    """Return a cell per figure, which says so where the log does not carry it."""
    return [_cell(figure, rule) if told else _NOT_SUPPORTED for figure, told in zip(figures, supported, strict=True)]


def head(text: str) -> None:
    """Print a heading."""
    console.print(f"\n[bold]{escape(text)}[/bold]")


def show(frame: pd.DataFrame, title: str, formats: Mapping[str, str] | None = None) -> None:
    """Print a small table; numbers by format, aligned right."""
    table = Table(title=escape(title), title_justify="left", box=None, pad_edge=False)
    numeric = {name: pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns}
    for name in frame.columns:
        table.add_column(escape(str(name)), justify="right" if numeric[name] else "left")
    rules = formats or {}
    columns: list[Sequence[str]] = [
        [_cell(value, rules.get(str(name), "{:,.4g}" if numeric[name] else "{}")) for value in frame[name]]
        for name in frame.columns
    ]
    for row in zip(*columns, strict=True):
        # What comes from people's tables is text: an arm `call [evening]` is no markup.
        table.add_row(*map(escape, row))
    # A name that is cut is no name: what does not fit runs over.
    natural = Measurement.get(console, console.options.update(max_width=_NO_WIDTH), table).maximum
    table.width = natural if natural > console.width else None
    console.print(table)


def _cell(value: object, rule: str) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    # NaN is not itself.
    return "" if value is None or value != value else _MINUS_NOTHING.sub("", rule.format(value))  # noqa: PLR0124
