r"""How far a stimulus may shift, turn or change its size before the response falls by half.

Every unit has a stimulus of its own, a Gabor: the patch itself, or the full-field grating of its carrier. It
is shifted along its carrier, turned about its centre, or magnified about it.

Closed forms, for a linear cell or a complex one of two such, whose field is the Gabor:

.. math:: \text{grating, linear: } \cos 2\pi d, \qquad \text{patch, complex: } e^{-(d / 2 n_x)^2}

at a shift of d cycles: half of the response is left at 1/6 of a cycle, and at :math:`2 n_x \sqrt{\ln 2}`
cycles. A complex cell answers a shifted grating as before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responder
from v1sim.analysis._as_stack import as_stack, cell_positions
from v1sim.analysis._units import StackUnits, as_responder
from v1sim.cells import SimpleCells
from v1sim.convnet import Pool2d, Stack
from v1sim.gabor import Gabor
from v1sim.grid import Grid

CHANGES = {"shift": "cycles", "turn": "degrees", "size": "octaves"}
"""What is changed, and its unit: along the direction of the carrier; counter-clockwise; larger."""
DEFAULTS: dict[str, FloatArray] = {
    "shift": np.linspace(-2, 2, 161),
    "turn": np.linspace(-90, 90, 61),
    "size": np.linspace(-2, 2, 41),
}
STIMULI = ("patch", "grating")
POOLS = ("max", "mean", "l2")
_CHUNK_VALUES = 2**22
"""Most pixels that are shown at a time: 16 MB."""


@dataclass(frozen=True, eq=False, kw_only=True)
class InvarianceCurve:
    """Responses of n units to their own stimulus as one thing about it is changed.

    Attributes
    ----------
    change : {"shift", "turn", "size"}
        What is changed.
    amount : ndarray, shape (m,)
        By how much: cycles of the carrier, degrees, octaves. Rising, with 0 among them.
    response : ndarray, shape (n, m)
        Responses, less those to mean luminance.
    """

    change: str
    amount: FloatArray
    response: FloatArray

    @property
    def relative(self) -> FloatArray:
        """Responses over that to the unchanged stimulus, shape (n, m); NaN if that is not above 0."""
        unchanged = self.response[:, self.amount == 0]
        nothing = np.full(self.response.shape, np.nan)
        return np.asarray(np.divide(self.response, unchanged, out=nothing, where=unchanged > 0))

    @property
    def half_range(self) -> FloatArray:
        """How far the stimulus may go down and up before half of the response is left, shape (n, 2).

        Where the curve first crosses half, on a straight line between amounts; infinite where it does not
        within the amounts shown, NaN for a unit that does not answer the unchanged stimulus.
        """
        middle = int(np.flatnonzero(self.amount == 0)[0])
        sides = (
            (-self.amount[middle::-1], self.relative[:, middle::-1]),
            (self.amount[middle:], self.relative[:, middle:]),
        )
        return np.stack([[_first_half(far, curve) for curve in curves] for far, curves in sides], axis=1)

    @property
    def tolerance(self) -> FloatArray:
        """Mean of both half ranges, shape (n,); infinite if either is."""
        return np.asarray(self.half_range.mean(axis=1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Invariance:
    """Invariance curves of n units to shift, turn and size.

    Attributes
    ----------
    stimulus : {"patch", "grating"}
        What was shown.
    curves : dict of str to InvarianceCurve
        By what was changed.
    """

    stimulus: str
    curves: dict[str, InvarianceCurve]

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns with a row for each unit: its tolerance to each change, and the lower and upper."""
        table: dict[str, list[Any]] = {}
        for name, curve in self.curves.items():
            table.setdefault("unit", list(range(len(curve.response))))
            table[f"{name}_{CHANGES[name]}"] = curve.tolerance.tolist()
            lower, upper = curve.half_range.T
            table[f"{name}_lower"], table[f"{name}_upper"] = lower.tolist(), upper.tolist()
        return table

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a `.npz` file."""
        arrays: dict[str, NDArray[Any]] = {"stimulus": np.array(self.stimulus)}
        for name, curve in self.curves.items():
            arrays |= {f"{name}_amount": curve.amount, f"{name}_response": curve.response}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the curves whose `arrays` these are."""
        curves = {
            name: InvarianceCurve(
                change=name, amount=arrays[f"{name}_amount"], response=arrays[f"{name}_response"]
            )
            for name in CHANGES
            if f"{name}_amount" in arrays
        }
        return cls(stimulus=str(arrays["stimulus"]), curves=curves)


def invariance(
    responder: Responder,
    preferred: Gabor,
    grid: Grid,
    *,
    stimulus: Literal["patch", "grating"] = "patch",
    shift: ArrayLike | None = None,
    turn: ArrayLike | None = None,
    size: ArrayLike | None = None,
) -> Invariance:
    """Return how the responses of units change with shifts, turns and the size of their preferred stimuli.

    Parameters
    ----------
    responder : Responder
        n units that see one frame.
    preferred : Gabor
        The stimulus of each, shape (n,), or one for all: known or fitted. Its amplitude is the contrast.
    grid : Grid
        Positions of the pixels, in the unit of the Gabors.
    stimulus : {"patch", "grating"}, optional
        Gabor patches, or full-field gratings of the same carrier, of contrast alpha.
    shift : array_like, optional
        Shifts along the carrier [cycles], rising, with 0 among them; -2 to 2 unless given.
    turn : array_like, optional
        Counter-clockwise turns [degrees], likewise; -90 to 90 unless given.
    size : array_like, optional
        Changes of size [octaves], likewise; a change by one doubles sigma and the period. -2 to 2 unless
        given. Turns and sizes that are not given end where a carrier would go beyond Nyquist.

    Returns
    -------
    Invariance

    Raises
    ------
    TypeError, ValueError
        If the responder is none or sees another grid, there is not one stimulus with a carrier for each unit,
        amounts do not rise through 0, the units look back in time, or a carrier goes beyond Nyquist.

    References
    ----------
    Ito, Tamura, Fujita & Tanaka 1995, J Neurophysiol 73:218 (tolerance to size and position).

    Examples
    --------
    >>> from v1sim import cells
    >>> grid = Grid((40, 44))
    >>> g = Gabor.from_tuning(spatial_frequency=.1, orientation_deg=60, n_x=.5, n_y=.5)
    >>> gratings = invariance(cells.SimpleCells(g, grid), g, grid, stimulus="grating")
    >>> round(float(gratings.curves["shift"].tolerance[0]), 2)  # a sixth of a cycle, 60 degrees of phase
    0.17
    """
    kind = _checks.choice("stimulus", stimulus, STIMULI)
    if not isinstance(responder, Responder) or not isinstance(preferred, Gabor):
        raise TypeError(
            "responder must have units that respond (cells, or units of a stack), and preferred be a Gabor, "
            f"got {type(responder).__name__} and {type(preferred).__name__}"
        )
    if (own_grid := getattr(responder, "grid", grid)) != grid:
        raise ValueError(f"grid must be that of the responder, {own_grid}, got {grid}")
    n = responder.n_units
    if responder.memory > 1:
        raise ValueError(f"responder must see one frame, got units that see {responder.memory}")
    if preferred.shape not in ((), (1,), (n,)):
        raise ValueError(f"preferred must be one Gabor, or one for each of {n} units, got {preferred.shape}")
    if not (preferred.f != 0).all():
        raise ValueError("preferred must have a carrier, got f = 0: shifts are in cycles of it")
    fields = {name: np.broadcast_to(value, n) for name, value in preferred.parameters().items()}
    own = Gabor(**fields)
    amounts = {"shift": shift, "turn": turn, "size": size}
    checked = {name: _amounts(name, value, own, grid) for name, value in amounts.items()}
    curves = {}
    with threadpool_limits(limits=1, user_api="blas"):  # products too small to share out
        blank = responder.respond(np.zeros((1, *grid.shape), np.float32))[0].astype(np.float64)
        for name, amount in checked.items():
            response = np.empty((n, len(amount)))
            for unit, one in enumerate(own):
                for piece in np.array_split(np.arange(len(amount)), _n_pieces(len(amount), grid)):
                    shown = _render(_changed(one, name, amount[piece]), grid, kind)
                    response[unit, piece] = responder.respond(shown)[:, unit]
            curves[name] = InvarianceCurve(change=name, amount=amount, response=response - blank[:, None])
    return Invariance(stimulus=kind, curves=curves)


def pooled_units(cells: SimpleCells, frame_shape: tuple[int, int], *, window: int) -> dict[str, StackUnits]:
    """Return units that pool simple cells over positions, one of each kind of pool for each cell.

    Parameters
    ----------
    cells : SimpleCells
        n cells, as `as_stack` takes them.
    frame_shape : tuple of int
        Rows and columns of the frames.
    window : int
        Side of the square of positions that is pooled about each cell [px], odd.

    Returns
    -------
    dict of str to StackUnits
        ``max``, ``mean`` and ``l2`` pools, n units each, in the order of the cells.

    Raises
    ------
    TypeError, ValueError
        As `as_stack`, or if the window is not odd.
    """
    side = _checks.integer("window", window, minimum=1)
    if side % 2 == 0:
        raise ValueError(f"window must be odd, so that a cell stands in its middle, got {window}")
    stack, places = as_stack(cells, frame_shape), cell_positions(cells, frame_shape)
    channels = np.arange(cells.n_units).tolist()
    units = {}
    for kind in POOLS:
        pool = Pool2d(kind, side, stride=1, padding=(side // 2, side // 2))
        pooled = Stack([*stack.layers.items(), ("pool", pool)], input_shape=stack.input_shape)
        grid = replace(cells.grid, shape=frame_shape)
        units[kind] = as_responder(pooled, "pool", places, channels=channels, grid=grid)
    return units


def _amounts(name: str, value: ArrayLike | None, gabor: Gabor, grid: Grid) -> FloatArray:
    """Return the amounts of a change, checked."""
    amounts = DEFAULTS[name] if value is None else _checks.real_array(name, value).astype(np.float64)
    _checks.finite(name, amounts)
    if amounts.ndim != 1 or not (np.diff(amounts) > 0).all() or 0 not in amounts:
        raise ValueError(f"{name} must rise, with 0 among its values, got {amounts.tolist()}")
    beyond = np.array([_fastest(gabor, name, amount) for amount in amounts]) > grid.nyquist * (1 + 1e-9)
    middle = int(np.flatnonzero(amounts == 0)[0])
    if value is None and not beyond[middle]:
        first, last = np.flatnonzero(beyond[:middle]), np.flatnonzero(beyond[middle:])
        stop = middle + last[0] if last.size else len(amounts)
        return amounts[first[-1] + 1 if first.size else 0 : stop]
    if beyond.any():
        raise ValueError(
            f"{name}: at {amounts[beyond][0]:g} {CHANGES[name]} a stimulus lies beyond the Nyquist "
            f"frequency, {grid.nyquist:g} cycles/{grid.unit}"
        )
    return amounts


def _fastest(gabor: Gabor, change: str, amount: float) -> float:
    """Return the highest frequency along an axis of all carriers once they are changed [cycles/unit]."""
    tau = gabor.tau + (np.deg2rad(amount) if change == "turn" else 0.0)
    steepest = np.maximum(np.abs(np.cos(tau)), np.abs(np.sin(tau)))
    frequency = np.abs(gabor.spatial_frequency) * steepest
    return float(np.max(frequency / (2.0**amount if change == "size" else 1.0)))


def _n_pieces(n: int, grid: Grid) -> int:
    return max(1, -(-n * grid.shape[0] * grid.shape[1] // _CHUNK_VALUES))


def _changed(gabor: Gabor, change: str, amount: FloatArray) -> Gabor:
    """Return one Gabor changed by each amount, shape (m,)."""
    p = {name: np.broadcast_to(value, len(amount)) for name, value in gabor.parameters().items()}
    if change == "turn":
        return Gabor(**p | {"tau": p["tau"] + np.deg2rad(amount)})
    if change == "size":
        larger = 2.0**amount
        smaller = {"beta_x": p["beta_x"] / larger**2, "beta_y": p["beta_y"] / larger**2}
        return Gabor(**p | smaller | {"f": p["f"] / larger})
    along = amount * 2 * np.pi / p["f"]
    return Gabor(**p | {"x0": p["x0"] + along * np.cos(p["tau"]), "y0": p["y0"] + along * np.sin(p["tau"])})


def _render(gabor: Gabor, grid: Grid, kind: str) -> Frames:
    if kind == "patch":
        return gabor.render(grid).astype(np.float32)
    p = {name: value[:, None, None] for name, value in gabor.parameters().items()}
    along = (grid.x - p["x0"]) * np.cos(p["tau"]) + (grid.y - p["y0"]) * np.sin(p["tau"])
    return (p["alpha"] * np.cos(p["f"] * along + p["phi"])).astype(np.float32)


def _first_half(far: FloatArray, curve: FloatArray) -> float:
    """Return where a curve that begins at 1 first falls to 1/2."""
    if np.isnan(curve).any():
        return float("nan")
    below = np.flatnonzero(curve < 0.5)
    if not below.size:
        return float("inf")
    k = int(below[0])
    share = (curve[k - 1] - 0.5) / (curve[k - 1] - curve[k])
    return float(far[k - 1] + share * (far[k] - far[k - 1]))


def tolerances(found: Mapping[str, Invariance]) -> dict[str, list[Any]]:
    """Return the median tolerance of each kind of units to each change, as columns.

    Parameters
    ----------
    found : mapping of str to Invariance
        By kind of units.

    Returns
    -------
    dict of str to list
        ``units``, and for each change its median over units; infinite where most do not fall by half.
    """
    kinds: Sequence[str] = list(found)
    table: dict[str, list[Any]] = {"units": list(kinds)}
    for name, unit in CHANGES.items():
        table[f"{name}_{unit}"] = [float(np.median(found[kind].curves[name].tolerance)) for kind in kinds]
    return table
