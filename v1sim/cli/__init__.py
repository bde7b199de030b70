"""The command line: options, seeds, paths, progress and printing; it computes nothing."""

from v1sim.cli._analyze import analyze
from v1sim.cli._app import app, main, run_reporting
from v1sim.cli._compare import compare
from v1sim.cli._fit import fit
from v1sim.cli._learn import learn
from v1sim.cli._population import population
from v1sim.cli._revcorr import revcorr
from v1sim.cli._stimulus import stimulus

__all__ = [
    "analyze",
    "app",
    "compare",
    "fit",
    "learn",
    "main",
    "population",
    "revcorr",
    "run_reporting",
    "stimulus",
]
