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
    "analyze_recording",
    "compare_populations",
    "draw_population",
    "fit_filters",
    "reverse_correlation",
]
