"""The Gabor function: parameters, derived properties, rendering, and fits to receptive fields."""

from v1sim.gabor._bounds import Bounds
from v1sim.gabor._fit import fit_gabor
from v1sim.gabor._function import Gabor
from v1sim.gabor._result import GaborFit

__all__ = ["Bounds", "Gabor", "GaborFit", "fit_gabor"]
