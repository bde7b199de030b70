"""Physiology: what an experimenter measures of any unit, and how populations compare."""

from v1sim.analysis._modulation import harmonics, modulation_ratio, phase_modulation
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
    "bandwidth_octaves",
    "circular_variance",
    "direction_index",
    "direction_selectivity_index",
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
