"""Model cells: responders whose receptive fields are known."""

from v1sim.cells._callable import CallableCells, from_callable
from v1sim.cells._cascade import Cascade
from v1sim.cells._complex import ComplexCells
from v1sim.cells._continuum import IntermediateCells
from v1sim.cells._filters import FilterCells, from_filters
from v1sim.cells._kernels import AdelsonBergen, BiphasicGamma, GammaEnvelope
from v1sim.cells._motion import MotionEnergyCells
from v1sim.cells._noise import Noisy
from v1sim.cells._nonlinearity import NONLINEARITIES, Exponential, NakaRushton, Power, Softplus
from v1sim.cells._normalisation import NormalizedCells, pool_weights
from v1sim.cells._population import Population
from v1sim.cells._push_pull import PushPullCells
from v1sim.cells._renewal import GammaRenewal
from v1sim.cells._sampling import sample_population
from v1sim.cells._scores import Score
from v1sim.cells._simple import SimpleCells
from v1sim.cells._space_time import DirectionSelectiveCells, SpaceTimeCells
from v1sim.cells._spikes import Bernoulli, ModulatedPoisson, Poisson
from v1sim.cells._subunits import SubunitCells
from v1sim.cells._torch import TorchCells, from_torch

__all__ = [
    "NONLINEARITIES",
    "AdelsonBergen",
    "Bernoulli",
    "BiphasicGamma",
    "CallableCells",
    "Cascade",
    "ComplexCells",
    "DirectionSelectiveCells",
    "Exponential",
    "FilterCells",
    "GammaEnvelope",
    "GammaRenewal",
    "IntermediateCells",
    "ModulatedPoisson",
    "MotionEnergyCells",
    "NakaRushton",
    "Noisy",
    "NormalizedCells",
    "Poisson",
    "Population",
    "Power",
    "PushPullCells",
    "Score",
    "SimpleCells",
    "Softplus",
    "SpaceTimeCells",
    "SubunitCells",
    "TorchCells",
    "from_callable",
    "from_filters",
    "from_torch",
    "pool_weights",
    "sample_population",
]
