"""Analysis: populations of units compared with published V1 and with one another."""

from v1sim.analysis._compare import compare
from v1sim.analysis._comparison import Comparison, Row
from v1sim.analysis._gabor_like import GaborNull, GaborShare, gabor_like, gabor_share, scrambled_null
from v1sim.analysis._measurements import MEASURES, Measurements, bandwidth_index, measure
from v1sim.analysis._similarity import MINIMUM_UNITS, Similarity, ks_similarity, similarity
from v1sim.analysis._sources import Histogram, Sample, Source, published

__all__ = [
    "MEASURES",
    "MINIMUM_UNITS",
    "Comparison",
    "GaborNull",
    "GaborShare",
    "Histogram",
    "Measurements",
    "Row",
    "Sample",
    "Similarity",
    "Source",
    "bandwidth_index",
    "compare",
    "gabor_like",
    "gabor_share",
    "ks_similarity",
    "measure",
    "published",
    "scrambled_null",
    "similarity",
]
