"""Physiology: what an experimenter measures of any unit, and how populations compare."""

from v1sim.analysis._as_stack import as_stack, cell_positions
from v1sim.analysis._battery import Tuning
from v1sim.analysis._characterize import characterize
from v1sim.analysis._compare import compare
from v1sim.analysis._compare_responses import ResponseComparison, Together, compare_responses
from v1sim.analysis._comparison import Comparison, Row
from v1sim.analysis._equivariance import Equivariance, equivariance
from v1sim.analysis._fits import CurveFit, fit_contrast, fit_frequency, fit_orientation, fit_size
from v1sim.analysis._gabor_like import GaborNull, GaborShare, gabor_like, gabor_share, scrambled_null
from v1sim.analysis._invariance import Invariance, InvarianceCurve, invariance, pooled_units, tolerances
from v1sim.analysis._measurements import MEASURES, Measurements, bandwidth_index, measure
from v1sim.analysis._models import MODELS
from v1sim.analysis._modulation import harmonics, modulation_ratio, phase_modulation
from v1sim.analysis._physiology import Physiology
from v1sim.analysis._protocols import Protocols
from v1sim.analysis._ranges import (
    bandwidth_octaves,
    overlap_index,
    preferred_frequency,
    summation_diameter,
    suppression_index,
)
from v1sim.analysis._recovered import RecoveredUnits, complexity_index, describe_recovered, recovered_planes
from v1sim.analysis._representations import best_match_correlation, linear_cka, representational_similarity
from v1sim.analysis._selectivity import (
    circular_variance,
    direction_index,
    direction_selectivity_index,
    half_bandwidth_deg,
    o_p_ratio,
    orientation_selectivity_index,
    preferred_orientation_deg,
)
from v1sim.analysis._similarity import MINIMUM_UNITS, Similarity, ks_similarity, similarity
from v1sim.analysis._sources import Histogram, Sample, Source, published, recorded
from v1sim.analysis._units import StackUnits, as_responder

__all__ = [
    "MEASURES",
    "MINIMUM_UNITS",
    "MODELS",
    "Comparison",
    "CurveFit",
    "Equivariance",
    "GaborNull",
    "GaborShare",
    "Histogram",
    "Invariance",
    "InvarianceCurve",
    "Measurements",
    "Physiology",
    "Protocols",
    "RecoveredUnits",
    "ResponseComparison",
    "Row",
    "Sample",
    "Similarity",
    "Source",
    "StackUnits",
    "Together",
    "Tuning",
    "as_responder",
    "as_stack",
    "bandwidth_index",
    "bandwidth_octaves",
    "best_match_correlation",
    "cell_positions",
    "characterize",
    "circular_variance",
    "compare",
    "compare_responses",
    "complexity_index",
    "describe_recovered",
    "direction_index",
    "direction_selectivity_index",
    "equivariance",
    "fit_contrast",
    "fit_frequency",
    "fit_orientation",
    "fit_size",
    "gabor_like",
    "gabor_share",
    "half_bandwidth_deg",
    "harmonics",
    "invariance",
    "ks_similarity",
    "linear_cka",
    "measure",
    "modulation_ratio",
    "o_p_ratio",
    "orientation_selectivity_index",
    "overlap_index",
    "phase_modulation",
    "pooled_units",
    "preferred_frequency",
    "preferred_orientation_deg",
    "published",
    "recorded",
    "recovered_planes",
    "representational_similarity",
    "scrambled_null",
    "similarity",
    "summation_diameter",
    "suppression_index",
    "tolerances",
]
