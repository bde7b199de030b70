"""Experiments: one question each, a frozen configuration in, a frozen result out."""

from v1sim.experiments._comparison import ComparisonConfig, ComparisonResult, compare_populations
from v1sim.experiments._filters import FilterFitConfig, FilterFitResult, fit_filters
from v1sim.experiments._learning import LearningResult, learn
from v1sim.experiments._learning_config import OBJECTIVES, LearningConfig, learning_config
from v1sim.experiments._maps import (
    OrientationMapConfig,
    OrientationMapResult,
    map_smoothness,
    orientation_map,
)
from v1sim.experiments._pairs import SharedTuning, phase_modulation, shared_tuning, shuffled_phase_modulation
from v1sim.experiments._population import PopulationConfig, PopulationResult, draw_population
from v1sim.experiments._recording import RecordingConfig, RecordingResult, analyze_recording
from v1sim.experiments._reverse_correlation import (
    ReverseCorrelationConfig,
    ReverseCorrelationResult,
    reverse_correlation,
)
from v1sim.experiments._subjects import (
    Subject,
    comparison_grid,
    comparison_subjects,
    shipped_stacks,
    trained_stacks,
)

__all__ = [
    "OBJECTIVES",
    "ComparisonConfig",
    "ComparisonResult",
    "FilterFitConfig",
    "FilterFitResult",
    "LearningConfig",
    "LearningResult",
    "OrientationMapConfig",
    "OrientationMapResult",
    "PopulationConfig",
    "PopulationResult",
    "RecordingConfig",
    "RecordingResult",
    "ReverseCorrelationConfig",
    "ReverseCorrelationResult",
    "SharedTuning",
    "Subject",
    "analyze_recording",
    "compare_populations",
    "comparison_grid",
    "comparison_subjects",
    "draw_population",
    "fit_filters",
    "learn",
    "learning_config",
    "map_smoothness",
    "orientation_map",
    "phase_modulation",
    "reverse_correlation",
    "shared_tuning",
    "shipped_stacks",
    "shuffled_phase_modulation",
    "trained_stacks",
]
