"""Stimuli: sources of frames with random access, the same bits however a range is cut."""

from v1sim.stimuli._array import ArrayStimulus
from v1sim.stimuli._noise import BinaryNoise, GaussianNoise

__all__ = ["ArrayStimulus", "BinaryNoise", "GaussianNoise"]
