"""Fit Gabors to a file of filters: the same as ``v1sim fit``.

python scripts/fit_filters.py --help
"""

import typer

from v1sim.cli import fit, run_reporting

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
application.command()(fit)

if __name__ == "__main__":
    run_reporting(application)
