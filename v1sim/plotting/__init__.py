"""Figures, drawn from results; the only room that knows matplotlib, and it computes nothing."""

from v1sim.plotting._comparison import comparison
from v1sim.plotting._filters import filter_fits, filter_histograms, filter_shapes
from v1sim.plotting._learning import coherence_curve, learned_filters, learned_summary, orientation_sheet
from v1sim.plotting._population import population_panels
from v1sim.plotting._recording import recording_axes, recording_spectrum
from v1sim.plotting._reverse_correlation import complex_cells, parameters, simple_cells, spectra, story
from v1sim.plotting._stimulus import stimulus_overview

__all__ = [
    "coherence_curve",
    "comparison",
    "complex_cells",
    "filter_fits",
    "filter_histograms",
    "filter_shapes",
    "learned_filters",
    "learned_summary",
    "orientation_sheet",
    "parameters",
    "population_panels",
    "recording_axes",
    "recording_spectrum",
    "simple_cells",
    "spectra",
    "stimulus_overview",
    "story",
]
