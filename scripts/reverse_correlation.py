"""Recover the receptive fields of model cells from white noise: the same as ``v1sim revcorr``.

python scripts/reverse_correlation.py --help
"""

import typer

from v1sim.cli import revcorr, run_reporting

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
application.command()(revcorr)

if __name__ == "__main__":
    run_reporting(application)
