"""Files: recordings in, results out and in again; everything that is read is checked first."""

from v1sim.io._recording import Recording, load_recording
from v1sim.io._runs import load_run, new_folder, save_run

__all__ = ["Recording", "load_recording", "load_run", "new_folder", "save_run"]
