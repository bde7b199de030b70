"""A typical stimulus of each kind on any patch: where the command line and the gallery begin."""

from typing import Any

from v1sim.grid import Grid
from v1sim.stimuli._base import plain
from v1sim.stimuli._description import KINDS

FINEST = 0.8
"""Highest spatial frequency, as a share of the Nyquist frequency: small patches show fewer cycles."""


def example(kind: str, grid: Grid | tuple[int, int], *, n_frames: int = 500, seed: int = 0) -> dict[str, Any]:
    """Return the description of a typical stimulus of a kind, for `from_description`.

    Sizes and frequencies fit the patch: four cycles in its shorter side (in the longer one of a single row),
    fewer in one of less than ten pixels; one cycle in 16 frames.

    Parameters
    ----------
    kind : str
        Name of the kind, a key of `KINDS`.
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int, optional
        Number of frames, for kinds whose length is free.
    seed : int, optional
        Seed, for kinds that are random.

    Returns
    -------
    dict
        Of the kinds that read a file, "source" or "path" is missing.

    Raises
    ------
    ValueError
        If the kind is unknown.

    Examples
    --------
    >>> from v1sim.stimuli import from_description
    >>> from_description(example("MSequence", (6, 8))).order
    8
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    patch = grid if isinstance(grid, Grid) else Grid(grid)
    return {"kind": kind, **_arguments(patch, n_frames, seed)[kind]}


def _arguments(grid: Grid, n_frames: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return the arguments of every kind."""
    side = min((side for side in grid.size if side > grid.pixel_size), default=grid.pixel_size)
    on_grid = {"grid": plain("grid", grid)}
    drawn = {**on_grid, "n_frames": n_frames, "seed": seed}
    still = {**on_grid, "n_frames": n_frames}
    frequency = min(4 / side, FINEST * grid.nyquist)
    wave = {"orientation_deg": 60.0, "spatial_frequency": frequency}
    grating = {"kind": "Grating", **still, **wave, "temporal_frequency": 1 / 16}
    weaker = {**grating, "contrast": 0.5}
    noise = {"kind": "BinaryNoise", **drawn}
    short = {"kind": "BinaryNoise", **on_grid, "n_frames": 4, "seed": seed + 1}
    disc = [
        [float(x**2 + y**2 <= (side / 2) ** 2) for x in grid.x_axis.tolist()] for y in grid.y_axis.tolist()
    ]
    n_pixels = grid.shape[0] * grid.shape[1]
    m_order = max(4, (4 * n_pixels).bit_length())
    return {
        "Annulus": {**still, "inner_diameter": side / 3, "outer_diameter": 2 * side / 3},
        "ArrayStimulus": {},
        "Bar": {**still, "orientation_deg": 60.0, "width": side / 8, "length": side / 2},
        "BinaryNoise": drawn,
        "ColouredNoise": {**drawn, "temporal_correlation": 0.8},
        "Concatenated": {"parts": [short, {**grating, "n_frames": 16}]},
        "Edge": {**still, "orientation_deg": 60.0},
        "FrozenNoise": {"segment": short, "fresh": noise, "n_fresh": 12},
        "GaborPatch": {**still, **wave, "sigma": side / 6},
        "GaussianNoise": drawn,
        "Grating": {**grating, "diameter": 0.8 * side, "edge": side / 8},
        "Hartley": {**on_grid, "seed": seed, "cutoff": frequency, "n_blanks": 4},
        "MSequence": {**on_grid, "order": m_order, "n_lags": 4},
        "Masked": {"stimulus": noise, "weights": disc},
        "MotionCloud": {**drawn, **wave, "speed": side / 64, "speed_spread": side / 320},
        "NaturalMovie": {**drawn, "whiten": True},
        "NaturalPatches": {**drawn, "normalise": True},
        "Plaid": {**on_grid, "gratings": [weaker, {**weaker, "orientation_deg": 150.0}]},
        "Protocol": {
            "conditions": [
                {**grating, "orientation_deg": o, "n_frames": 6} for o in (0.0, 45.0, 90.0, 135.0)
            ],
            "n_blank": 2,
            "n_repeats": 4,
            "seed": seed,
        },
        "Repeated": {"stimulus": short, "n_times": 4},
        "Scaled": {"stimulus": noise, "factor": 0.3},
        "SparseNoise": {**drawn, "spot_size": max(1, min(grid.shape) // 8), "n_spots": min(2, n_pixels)},
        "Spot": {**still, "diameter": side / 3},
        "TernaryNoise": drawn,
        "Video": {},
    }
