"""From a description back to the stimulus: so that a result can be redone from its run.json."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from v1sim.grid import Grid
from v1sim.stimuli._array import ArrayStimulus
from v1sim.stimuli._base import BaseStimulus
from v1sim.stimuli._coloured import ColouredNoise
from v1sim.stimuli._compose import Concatenated, Masked, Repeated, Scaled
from v1sim.stimuli._frozen import FrozenNoise
from v1sim.stimuli._grating import Grating, Plaid
from v1sim.stimuli._hartley import Hartley
from v1sim.stimuli._m_sequence import MSequence
from v1sim.stimuli._motion_cloud import MotionCloud
from v1sim.stimuli._natural import NaturalMovie, NaturalPatches
from v1sim.stimuli._noise import BinaryNoise, GaussianNoise, TernaryNoise
from v1sim.stimuli._protocol import Protocol
from v1sim.stimuli._shapes import Annulus, Bar, Edge, GaborPatch, Spot
from v1sim.stimuli._sparse import SparseNoise
from v1sim.stimuli._video import Video

KINDS: dict[str, type[BaseStimulus]] = {
    kind.__name__: kind
    for kind in (
        Annulus,
        ArrayStimulus,
        Bar,
        BinaryNoise,
        ColouredNoise,
        Concatenated,
        Edge,
        FrozenNoise,
        GaborPatch,
        GaussianNoise,
        Grating,
        Hartley,
        MSequence,
        Masked,
        MotionCloud,
        NaturalMovie,
        NaturalPatches,
        Plaid,
        Protocol,
        Repeated,
        Scaled,
        SparseNoise,
        Spot,
        TernaryNoise,
        Video,
    )
}
"""Every kind of stimulus by name: what a description may ask for."""


def from_description(description: Mapping[str, Any]) -> BaseStimulus:
    """Make the stimulus that a description is of: the same bits again.

    Parameters
    ----------
    description : mapping
        What ``stimulus.describe()`` gave, also after a way through JSON.

    Raises
    ------
    TypeError, ValueError
        If the kind is unknown, arguments are missing, unknown or out of range, or a file is not the one
        described.

    Examples
    --------
    >>> from v1sim.stimuli import SparseNoise, repeat
    >>> spots = repeat(SparseNoise((6, 8), n_frames=100, seed=3, n_spots=2), 2)
    >>> from_description(spots.describe()) == spots
    True
    """
    if not isinstance(description, Mapping) or "kind" not in description:
        raise ValueError(f"description must be a dictionary with a 'kind', got {description!r:.80}")
    kind = description["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    arguments = {name: _value(value) for name, value in description.items() if name != "kind"}
    taken = signature(KINDS[kind])
    try:
        taken.bind(**arguments)
    except TypeError as error:
        names = ", ".join(taken.parameters)
        raise ValueError(f"description of a {kind} does not fit: {error} (it takes {names})") from None
    return KINDS[kind](**arguments)


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_value(item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if "kind" in value:
        return from_description(value)
    if set(value) != {"shape", "pixel_size", "unit"}:
        raise ValueError(f"a dictionary in a description must be a stimulus or a grid, got {value!r:.80}")
    return Grid(value["shape"], pixel_size=value["pixel_size"], unit=value["unit"])
