"""Experiments: one question each, a frozen configuration in, a frozen result out."""

from v1sim.experiments._filters import FilterFitConfig, FilterFitResult, fit_filters
from v1sim.experiments._learning import LearningResult, learn
from v1sim.experiments._lessons import OBJECTIVES, LearningConfig, learning_config
from v1sim.experiments._maps import (
    OrientationMapConfig,
    OrientationMapResult,
    map_smoothness,
    orientation_map,
)
from v1sim.experiments._pairs import (
    SharedTuning,
    phase_modulation,
    shared_tuning,
    shuffled_phase_modulation,
)
from v1sim.experiments._recording import RecordingConfig, RecordingResult, analyze_recording
from v1sim.experiments._reverse_correlation import (
    ReverseCorrelationConfig,
    ReverseCorrelationResult,
    reverse_correlation,
)

__all__ = [
    "OBJECTIVES",
    "FilterFitConfig",
    "FilterFitResult",
    "LearningConfig",
    "LearningResult",
    "OrientationMapConfig",
    "OrientationMapResult",
    "RecordingConfig",
    "RecordingResult",
    "ReverseCorrelationConfig",
    "ReverseCorrelationResult",
    "SharedTuning",
    "analyze_recording",
    "fit_filters",
    "learn",
    "learning_config",
    "map_smoothness",
    "orientation_map",
    "phase_modulation",
    "reverse_correlation",
    "shared_tuning",
    "shuffled_phase_modulation",
]
