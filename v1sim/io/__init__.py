"""Files: recordings and filters in, results out and in again; everything that is read is checked first."""

from v1sim.io._alignment import Alignment, align_spikes, stack_repeats
from v1sim.io._filters import Filters, read_filters
from v1sim.io._recording import Recording, load_recording
from v1sim.io._runs import load_run, new_folder, save_run

__all__ = [
    "Alignment",
    "Filters",
    "Recording",
    "align_spikes",
    "load_recording",
    "load_run",
    "new_folder",
    "read_filters",
    "save_run",
    "stack_repeats",
]
