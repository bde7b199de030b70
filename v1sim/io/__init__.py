"""Files: recordings and filters in, results out and in again; everything that is read is checked first."""

from v1sim.io._alignment import Alignment, align_spikes, stack_repeats
from v1sim.io._filters import Filters, read_filters
from v1sim.io._orientation import OrientationData, read_orientation_data
from v1sim.io._published import Published, read_published
from v1sim.io._recording import Recording, load_recording
from v1sim.io._runs import WEIGHTS, load_run, new_folder, save_run
from v1sim.io._shipped import read_shipped_filters, shipped_folder
from v1sim.io._tables import write_table
from v1sim.io._weights import read_weights

__all__ = [
    "WEIGHTS",
    "Alignment",
    "Filters",
    "OrientationData",
    "Published",
    "Recording",
    "align_spikes",
    "load_recording",
    "load_run",
    "new_folder",
    "read_filters",
    "read_orientation_data",
    "read_published",
    "read_shipped_filters",
    "read_weights",
    "save_run",
    "shipped_folder",
    "stack_repeats",
    "write_table",
]
