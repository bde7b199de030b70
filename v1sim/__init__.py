"""v1sim: simulate primary visual cortex and study it as an experimenter would.

The rooms are imported on first use:
``from v1sim import Grid, gabor, stimuli, cells, revcorr, convnet, analysis, io``.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "Grid",
    "analysis",
    "cells",
    "convnet",
    "experiments",
    "gabor",
    "io",
    "plotting",
    "revcorr",
    "stimuli",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'v1sim' has no attribute {name!r}")
    if name == "Grid":
        return import_module("v1sim.grid").Grid
    return import_module(f"v1sim.{name}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
