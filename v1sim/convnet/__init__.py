"""The three-stage layer of the convolution literature: convolution, detector, pooling, and stacks of them.

Maps are arrays (n, channel, row, column), float32 or float64. A layer is frozen: `forward` returns the output
and its own way back, ``y, pullback = layer.forward(x)``; ``dx, gradients = pullback(dy)``.
"""

from v1sim.convnet._channel_pooling import ChannelPool, NeighbourhoodPool, torus_neighbourhoods
from v1sim.convnet._convolution import Conv2d, Dense, Flatten
from v1sim.convnet._detector import Detector
from v1sim.convnet._layer import Layer, Maps, Parameters, Pullback, Reach, Shape
from v1sim.convnet._pooling import Pool2d
from v1sim.convnet._stack import Stack

__all__ = [
    "ChannelPool",
    "Conv2d",
    "Dense",
    "Detector",
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
    "torus_neighbourhoods",
]
