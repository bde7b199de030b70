"""Learn filters from pictures: the same as ``v1sim learn``.

python scripts/learn_filters.py --help
"""

import typer

from v1sim.cli import learn, run_reporting

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
application.command()(learn)

if __name__ == "__main__":
    run_reporting(application)
