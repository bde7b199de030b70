"""Model cells: responders whose receptive fields are known."""

from v1sim.cells._cascade import Cascade
from v1sim.cells._complex import ComplexCells
from v1sim.cells._continuum import IntermediateCells
from v1sim.cells._kernels import AdelsonBergen, BiphasicGamma, GammaEnvelope
from v1sim.cells._motion import MotionEnergyCells
from v1sim.cells._nonlinearity import Exponential, NakaRushton, Power, Softplus
from v1sim.cells._push_pull import PushPullCells
from v1sim.cells._simple import SimpleCells
from v1sim.cells._space_time import DirectionSelectiveCells, SpaceTimeCells
from v1sim.cells._spikes import Poisson
from v1sim.cells._subunits import SubunitCells

__all__ = [
    "AdelsonBergen",
    "BiphasicGamma",
    "Cascade",
    "ComplexCells",
    "DirectionSelectiveCells",
    "Exponential",
    "GammaEnvelope",
    "IntermediateCells",
    "MotionEnergyCells",
    "NakaRushton",
    "Poisson",
    "Power",
    "PushPullCells",
    "SimpleCells",
    "Softplus",
    "SpaceTimeCells",
    "SubunitCells",
]
