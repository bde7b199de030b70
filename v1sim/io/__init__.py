"""Recordings, filters and results: read and written, checked at the border."""

from v1sim.io._filters import Filters, read_filters

__all__ = ["Filters", "read_filters"]
