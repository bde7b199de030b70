"""Stimuli: sources of frames with random access, the same bits however a range is cut."""

from v1sim.stimuli._array import ArrayStimulus
from v1sim.stimuli._base import BaseStimulus
from v1sim.stimuli._coloured import ColouredNoise
from v1sim.stimuli._compose import (
    Concatenated,
    Masked,
    Repeated,
    Scaled,
    concatenate,
    mask,
    repeat,
    with_contrast,
)
from v1sim.stimuli._description import KINDS, from_description
from v1sim.stimuli._examples import example
from v1sim.stimuli._frozen import FrozenNoise
from v1sim.stimuli._grating import Grating, Plaid, size_series
from v1sim.stimuli._grating_frames import GratingTable
from v1sim.stimuli._hartley import Hartley
from v1sim.stimuli._m_sequence import MSequence
from v1sim.stimuli._motion_cloud import MotionCloud
from v1sim.stimuli._natural import NaturalMovie, NaturalPatches
from v1sim.stimuli._noise import BinaryNoise, GaussianNoise, TernaryNoise
from v1sim.stimuli._protocol import Presentation, Protocol
from v1sim.stimuli._shapes import Annulus, Bar, Edge, GaborPatch, Spot
from v1sim.stimuli._sparse import SparseNoise
from v1sim.stimuli._statistics import Statistics, measure
from v1sim.stimuli._video import Video

__all__ = [
    "KINDS",
    "Annulus",
    "ArrayStimulus",
    "Bar",
    "BaseStimulus",
    "BinaryNoise",
    "ColouredNoise",
    "Concatenated",
    "Edge",
    "FrozenNoise",
    "GaborPatch",
    "GaussianNoise",
    "Grating",
    "GratingTable",
    "Hartley",
    "MSequence",
    "Masked",
    "MotionCloud",
    "NaturalMovie",
    "NaturalPatches",
    "Plaid",
    "Presentation",
    "Protocol",
    "Repeated",
    "Scaled",
    "SparseNoise",
    "Spot",
    "Statistics",
    "TernaryNoise",
    "Video",
    "concatenate",
    "example",
    "from_description",
    "mask",
    "measure",
    "repeat",
    "size_series",
    "with_contrast",
]
