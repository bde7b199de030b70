"""Experiments: one question each, a frozen configuration in, a frozen result out."""

from v1sim.experiments._comparison import ComparisonConfig, ComparisonResult, compare_populations
from v1sim.experiments._filters import FilterFitConfig, FilterFitResult, fit_filters
from v1sim.experiments._population import PopulationConfig, PopulationResult, draw_population
from v1sim.experiments._recording import RecordingConfig, RecordingResult, analyze_recording
from v1sim.experiments._reverse_correlation import (
    ReverseCorrelationConfig,
    ReverseCorrelationResult,
    reverse_correlation,
)
from v1sim.experiments._subjects import Subject, comparison_grid, comparison_subjects

__all__ = [
    "ComparisonConfig",
    "ComparisonResult",
    "FilterFitConfig",
    "FilterFitResult",
    "PopulationConfig",
    "PopulationResult",
    "RecordingConfig",
    "RecordingResult",
    "ReverseCorrelationConfig",
    "ReverseCorrelationResult",
    "Subject",
    "analyze_recording",
    "compare_populations",
    "comparison_grid",
    "comparison_subjects",
    "draw_population",
    "fit_filters",
    "reverse_correlation",
]
