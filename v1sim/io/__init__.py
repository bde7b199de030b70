"""Files: recordings and filters in, results out and in again; everything that is read is checked first."""

from v1sim.io._alignment import Alignment, align_spikes, stack_repeats
from v1sim.io._filters import Filters, read_filters
from v1sim.io._published import Published, read_published
from v1sim.io._recording import Recording, load_recording
from v1sim.io._runs import WEIGHTS, load_run, new_folder, save_run
from v1sim.io._shipped import shipped
from v1sim.io._tables import write_table
from v1sim.io._weights import read_weights

__all__ = [
    "WEIGHTS",
    "Alignment",
    "Filters",
    "Published",
    "Recording",
    "align_spikes",
    "load_recording",
    "load_run",
    "new_folder",
    "read_filters",
    "read_published",
    "read_weights",
    "save_run",
    "shipped",
    "stack_repeats",
    "write_table",
]
