"""Physiology: what an experimenter measures of any unit, and how populations compare."""

from v1sim.analysis._battery import Tuning
from v1sim.analysis._characterize import characterize
from v1sim.analysis._fits import CurveFit, fit_contrast, fit_frequency, fit_orientation, fit_size
from v1sim.analysis._models import MODELS
from v1sim.analysis._modulation import harmonics, modulation_ratio, phase_modulation
from v1sim.analysis._physiology import MEASURES, Physiology
from v1sim.analysis._protocols import Protocols
from v1sim.analysis._ranges import (
    bandwidth_octaves,
    overlap_index,
    preferred_frequency,
    summation_diameter,
    suppression_index,
)
from v1sim.analysis._selectivity import (
    circular_variance,
    direction_index,
    direction_selectivity_index,
    half_bandwidth_deg,
    o_p_ratio,
    orientation_selectivity_index,
    preferred_orientation_deg,
)

__all__ = [
    "MEASURES",
    "MODELS",
    "CurveFit",
    "Physiology",
    "Protocols",
    "Tuning",
    "bandwidth_octaves",
    "characterize",
    "circular_variance",
    "direction_index",
    "direction_selectivity_index",
    "fit_contrast",
    "fit_frequency",
    "fit_orientation",
    "fit_size",
    "half_bandwidth_deg",
    "harmonics",
    "modulation_ratio",
    "o_p_ratio",
    "orientation_selectivity_index",
    "overlap_index",
    "phase_modulation",
    "preferred_frequency",
    "preferred_orientation_deg",
    "summation_diameter",
    "suppression_index",
]
