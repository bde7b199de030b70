"""The Gabor function: parameters, derived properties, rendering, and fits to receptive fields."""

from v1sim.gabor._function import Gabor

__all__ = ["Gabor"]
