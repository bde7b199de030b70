"""Draw a V1 population from published counts: the same as ``v1sim population``.

python scripts/draw_population.py --help
"""

import typer

from v1sim.cli import population, run_reporting

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
application.command()(population)

if __name__ == "__main__":
    run_reporting(application)
