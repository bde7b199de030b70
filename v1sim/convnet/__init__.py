"""The three-stage layer of the convolution literature: convolution, detector, pooling, and stacks of them.

Maps are arrays (n, channel, row, column), float32 or float64. A layer is frozen: `forward` returns the output
and its own way back, ``y, pullback = layer.forward(x)``; ``dx, gradients = pullback(dy)``.
"""

from v1sim.convnet._autoencoder import SparseAutoencoder
from v1sim.convnet._channel_pooling import ChannelPool, NeighbourhoodPool, torus_neighbourhoods
from v1sim.convnet._constraints import Orthonormal, UnitNorm
from v1sim.convnet._convolution import Conv2d, Dense, Flatten
from v1sim.convnet._detector import Detector
from v1sim.convnet._layer import Layer, Maps, Parameters, Pullback, Reach, Shape
from v1sim.convnet._learned import load_learned
from v1sim.convnet._losses import CrossEntropy, MeanSquaredError
from v1sim.convnet._normalisation import BatchStandardization, DivisiveNormalization, batch_statistics
from v1sim.convnet._objectives import Batch, Gradients, Objective
from v1sim.convnet._operators import convolve2d, correlate2d
from v1sim.convnet._optimisers import LBFGS, SGD, Adam, Optimiser, State
from v1sim.convnet._pooling import Pool2d
from v1sim.convnet._reconstruction_ica import ReconstructionICA
from v1sim.convnet._sparse_coding import SparseCoding, sparse_codes
from v1sim.convnet._stack import Stack
from v1sim.convnet._subspaces import Coherent, IndependentSubspaces
from v1sim.convnet._training import LearningDiverged, Training, train
from v1sim.convnet._unshared import TiledConv2d, UnsharedConv2d
from v1sim.convnet._whitening import Whitening

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "Batch",
    "BatchStandardization",
    "ChannelPool",
    "Coherent",
    "Conv2d",
    "CrossEntropy",
    "Dense",
    "Detector",
    "DivisiveNormalization",
    "Flatten",
    "Gradients",
    "IndependentSubspaces",
    "Layer",
    "LearningDiverged",
    "Maps",
    "MeanSquaredError",
    "NeighbourhoodPool",
    "Objective",
    "Optimiser",
    "Orthonormal",
    "Parameters",
    "Pool2d",
    "Pullback",
    "Reach",
    "ReconstructionICA",
    "Shape",
    "SparseAutoencoder",
    "SparseCoding",
    "Stack",
    "State",
    "TiledConv2d",
    "Training",
    "UnitNorm",
    "UnsharedConv2d",
    "Whitening",
    "batch_statistics",
    "convolve2d",
    "correlate2d",
    "load_learned",
    "sparse_codes",
    "torus_neighbourhoods",
    "train",
]
