"""The application: its commands, and how every one of them reports a mistake."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from v1sim import stream

app = typer.Typer(
    name="v1sim",
    help="Simulate primary visual cortex and study it as an experimenter would.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()


@app.callback()
def _callback() -> None:
    """Simulate primary visual cortex and study it as an experimenter would."""


def main() -> None:
    """Run the command line: a user's mistake is one line on stderr and exit code 2."""
    run_reporting(app)


def run_reporting(command: typer.Typer) -> None:
    """Run an application; turn mistakes of the user into one line and exit code 2."""
    try:
        command()
    except (ValueError, TypeError, OSError, MemoryError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        sys.stderr.write(f"v1sim: error: {message}\n")
        sys.exit(2)


@contextmanager
def progress_bar(title: str) -> Iterator[stream.Progress]:
    """Show a bar with the time left, and give the callback that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report
