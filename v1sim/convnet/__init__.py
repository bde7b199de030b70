"""The three-stage layer of the convolution literature: convolution, detector, pooling, and stacks of them.

Maps are arrays (n, channel, row, column), float32 or float64. A layer is frozen: `forward` returns the output
and its own way back, ``y, pullback = layer.forward(x)``; ``dx, gradients = pullback(dy)``.
"""

from v1sim.convnet._channel_pooling import ChannelPool, NeighbourhoodPool, torus_neighbourhoods
from v1sim.convnet._convolution import Conv2d, Dense, Flatten
from v1sim.convnet._detector import Detector
from v1sim.convnet._layer import Layer, Maps, Parameters, Pullback, Reach, Shape
from v1sim.convnet._normalisation import BatchStandardization, DivisiveNormalization, batch_statistics
from v1sim.convnet._operators import convolve2d, correlate2d
from v1sim.convnet._pooling import Pool2d
from v1sim.convnet._stack import Stack
from v1sim.convnet._unshared import TiledConv2d, UnsharedConv2d

__all__ = [
    "BatchStandardization",
    "ChannelPool",
    "Conv2d",
    "Dense",
    "Detector",
    "DivisiveNormalization",
    "Flatten",
    "Layer",
    "Maps",
    "NeighbourhoodPool",
    "Parameters",
    "Pool2d",
    "Pullback",
    "Reach",
    "Shape",
    "Stack",
    "TiledConv2d",
    "UnsharedConv2d",
    "batch_statistics",
    "convolve2d",
    "correlate2d",
    "torus_neighbourhoods",
]
