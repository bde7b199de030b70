"""Compare model cells, learned units and filters with published V1: the same as ``v1sim compare``.

python scripts/compare_populations.py --help
"""

import typer

from v1sim.cli import compare, run_reporting

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
application.command()(compare)

if __name__ == "__main__":
    run_reporting(application)
