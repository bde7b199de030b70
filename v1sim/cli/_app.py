"""The application: its commands, and how every one of them reports a mistake."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from v1sim import stream

app = typer.Typer(
    name="v1sim",
    help="Simulate primary visual cortex and study it as an experimenter would.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console()

TRACEBACK = "V1SIM_TRACEBACK"
"""Environment variable that, when set, shows where an error arose instead of one line."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, 128 + SIGINT."""


@app.callback(invoke_without_command=True)
def _callback(context: typer.Context) -> None:
    """Simulate primary visual cortex and study it as an experimenter would."""
    if context.invoked_subcommand is None:
        console.print(context.get_help(), highlight=False)


def main() -> None:
    """Run the command line: a user's mistake is one line on stderr and exit code 2."""
    run_reporting(app)


def run_reporting(application: typer.Typer) -> None:
    """Run an application; turn mistakes of the user into one line and exit code 2."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that folders are cleaned up
    try:
        code = application(standalone_mode=False)
    except (typer.TyperException, ValueError, TypeError, OSError, MemoryError, FloatingPointError) as error:
        if TRACEBACK in os.environ:
            raise
        message = _in_words_of_the_user(application, getattr(error, "format_message", error.__str__)())
        sys.stderr.write(f"v1sim: error: {' '.join(message.split()) or type(error).__name__}\n")
        sys.exit(2)
    if code == INTERRUPTED:
        sys.stderr.write("v1sim: interrupted; nothing was written\n")
    sys.exit(code)


def _in_words_of_the_user(application: typer.Typer, message: str) -> str:
    """Return a message with the names of arguments replaced by the options that they came from.

    The library says "n_lags must be ..." where the user typed --lags. An argument is the word that a message
    begins with, or any that begins with n_.
    """
    command: Any = typer.main.get_command(application)
    for word in sys.argv[1:]:  # a group holds the command that was called by its name
        command = getattr(command, "commands", {}).get(word, command)
    options = {option for parameter in command.params for option in parameter.opts}

    def option(name: re.Match[str]) -> str:
        typed = "--" + name[1].removeprefix("n_").replace("_", "-")
        return typed if typed in options else name[0]

    return re.sub(r"(^[a-z]\w*|\bn_\w+)(?:\[\d\])?(?=[ ,])", option, message)


@contextmanager
def progress_bar(title: str, things: str = "frames") -> Iterator[stream.Progress]:
    """Show a bar with the time left, and give the callback that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]} " + f"{things}/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None, rate="-")

        def report(done: int, total: int) -> None:
            elapsed = bar.tasks[0].elapsed
            rate = f"{done / elapsed:,.0f}" if elapsed else "-"
            bar.update(task, completed=done, total=total, rate=rate)

        yield report
