"""The Gabor function: parameters, derived properties, rendering, and fits to receptive fields."""

from v1sim.gabor._bootstrap import Bootstrap, bootstrap
from v1sim.gabor._bounds import Bounds
from v1sim.gabor._colour import ColourSplit, split_colour
from v1sim.gabor._compare import ModelComparison, compare_models
from v1sim.gabor._converters import from_opencv, from_skimage, to_opencv, to_skimage, to_tuning
from v1sim.gabor._fit import fit_gabor
from v1sim.gabor._function import Gabor
from v1sim.gabor._null import null_fit, scrambled
from v1sim.gabor._quadrature import QuadratureFit, fit_quadrature
from v1sim.gabor._result import GaborFit
from v1sim.gabor._saved import from_arrays, to_arrays
from v1sim.gabor._spacetime import SpaceTimeFit, fit_drifting, fit_separable

__all__ = [
    "Bootstrap",
    "Bounds",
    "ColourSplit",
    "Gabor",
    "GaborFit",
    "ModelComparison",
    "QuadratureFit",
    "SpaceTimeFit",
    "bootstrap",
    "compare_models",
    "fit_drifting",
    "fit_gabor",
    "fit_quadrature",
    "fit_separable",
    "from_arrays",
    "from_opencv",
    "from_skimage",
    "null_fit",
    "scrambled",
    "split_colour",
    "to_arrays",
    "to_opencv",
    "to_skimage",
    "to_tuning",
]
