"""Model cells: responders whose receptive fields are known."""

from v1sim.cells._complex import ComplexCells
from v1sim.cells._simple import SimpleCells
from v1sim.cells._spikes import Poisson

__all__ = ["ComplexCells", "Poisson", "SimpleCells"]
