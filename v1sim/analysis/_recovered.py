r"""What reverse correlation says of a unit, in one row: a model cell, a learned unit and a neuron alike.

The response to Gaussian white noise is split into its first- and second-order parts (Wiener 1958; Marmarelis
& Marmarelis 1978, chapter 4). With the mean response :math:`\bar r`, the response-triggered average s and the
covariance C about it, in units of the pixel's variance, their powers are

.. math:: P_1 = \bar r^2\,|s|^2, \qquad P_2 = \tfrac12 \bar r^2\,\lVert C + s s^T - 1 \rVert_F^2 .

Only what is significant enters C - 1, since the rest of its spectrum is the noise of a finite recording.
"""

from dataclasses import dataclass, fields
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor import Gabor, fit_gabor, fit_quadrature
from v1sim.grid import Grid
from v1sim.revcorr import STA, STC

COMPLEX_ABOVE = 0.5
"""Complexity index from which on a unit is called complex: the second-order part is the larger one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RecoveredUnits:
    """What was recovered of n units, whoever they are.

    Parameters
    ----------
    kind : ndarray of str, shape (n,)
        ``"simple"`` or ``"complex"`` by the complexity index; ``"none"`` where neither an STA nor an axis is
        significant.
    complexity_index : ndarray, shape (n,)
        P_2 / (P_1 + P_2), the second-order share of the response to noise: 0 for a linear cell,
        1 / (1 + pi) = .24 for a half-rectified one, 1 for one that does not see the sign of contrast. NaN
        where nothing is significant.
    sta_p_value : ndarray, shape (n,)
        Chance that noise gives so large an STA anywhere.
    n_excitatory, n_suppressive : ndarray of int, shape (n,)
        Number of significant axes of raised and of lowered variance.
    parameters : ndarray, shape (8, n)
        The Gabor that stands for the unit, in the order of `v1sim.gabor.Gabor`: of a simple one that fitted
        to its STA, of a complex one the even half of the pair fitted to its plane (`recovered_planes`).
        NaN where there is none.
    r_squared : ndarray, shape (n,)
        Share of the variance of the STA that it explains, or mean squared principal cosine of pair and plane.
    blob : ndarray of bool, shape (n,)
        Whether frequency and phase of the Gabor cannot be told.
    is_space_time : bool
        Whether the Gabors are fitted to lags by positions: x along the row, lag 0 on top.
    """

    kind: NDArray[np.str_]
    complexity_index: FloatArray
    sta_p_value: FloatArray
    n_excitatory: NDArray[np.int64]
    n_suppressive: NDArray[np.int64]
    parameters: FloatArray
    r_squared: FloatArray
    blob: NDArray[np.bool_]
    is_space_time: bool

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make it again from saved arrays."""
        own: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
        return cls(**own | {"is_space_time": bool(arrays["is_space_time"])})

    def __len__(self) -> int:
        return len(self.kind)

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns of plain numbers and words; NaN where the recording does not tell.

        Returns
        -------
        dict of str to list
            ``kind, complexity_index, sta_p_value, n_excitatory, n_suppressive, gabor_r_squared``; of the
            Gabor ``orientation_deg, spatial_frequency, n_x, n_y, aspect_ratio, bandwidth_octaves,
            symmetry_deg`` where it stands in two dimensions of space (the last of simple units alone: a
            pair has both phases), and ``spatial_frequency, temporal_frequency`` [cycles/frame] and
            ``velocity`` [px/frame, positive to the right] where it stands in space and time.
        """
        known = np.isfinite(self.r_squared)
        found = Gabor(**dict(zip(_NAMES, np.where(known, self.parameters, 1.0), strict=True)))
        unknown = np.full(len(self), np.nan)
        columns = {
            "complexity_index": self.complexity_index,
            "sta_p_value": self.sta_p_value,
            "gabor_r_squared": self.r_squared,
        }
        if self.is_space_time:  # the direction of the carrier runs between space (0) and time (90 degrees)
            frequency = found.spatial_frequency
            shape = dict.fromkeys(_SPATIAL, unknown) | {
                "spatial_frequency": frequency * np.abs(np.cos(found.tau)),
                "temporal_frequency": frequency * np.abs(np.sin(found.tau)),
                "velocity": -np.tan(found.tau),
            }
        else:
            shape = {name: np.asarray(getattr(found, name)) for name in _SPATIAL if name != "symmetry_deg"}
            symmetry = np.where(self.kind == "simple", np.rad2deg(found.symmetry), np.nan)
            shape |= {"symmetry_deg": symmetry, **dict.fromkeys(_TEMPORAL, unknown)}
        columns |= {
            name: np.where(known & ~(self.blob & (name in _CARRIER)), value, np.nan)
            for name, value in shape.items()
        }
        return {
            "kind": self.kind.tolist(),
            "n_excitatory": self.n_excitatory.tolist(),
            "n_suppressive": self.n_suppressive.tolist(),
            **{name: value.tolist() for name, value in columns.items()},
        }


_NAMES = tuple(field.name for field in fields(Gabor))
SMALLEST_SIDE = 3
"""Fewest rows and columns that tell an orientation."""
_SPATIAL = (
    "orientation_deg",
    "spatial_frequency",
    "n_x",
    "n_y",
    "aspect_ratio",
    "bandwidth_octaves",
    "symmetry_deg",
)
_TEMPORAL = ("temporal_frequency", "velocity")
_CARRIER = ("spatial_frequency", "symmetry_deg", *_TEMPORAL)
"""What a blob does not have."""


def describe_recovered(
    sta: STA,
    stc: STC,
    grid: Grid | None = None,
    *,
    alpha: float = 0.05,
    windows: NDArray[np.integer[Any]] | None = None,
) -> RecoveredUnits:
    """Say of each unit what its STA and STC of one recording show.

    Parameters
    ----------
    sta, stc : STA and STC
        Of the same units, shown the same white noise.
    grid : Grid, optional
        Positions of the pixels; in pixels unless given. Stimuli of one row are fitted in lags by pixels,
        others at the lag of most energy.
    alpha : float, optional
        Probability of a false STA in one unit.
    windows : ndarray of int, shape (n_units, 4), optional
        Of each unit first row, row behind the last, first column and column behind the last that it can see,
        to which the Gabor is fitted; the whole frame unless given. Windows of fewer than three rows or
        columns, or of no more than nine pixels, have no Gabor.

    Returns
    -------
    RecoveredUnits

    Raises
    ------
    TypeError, ValueError
        If STA and STC do not belong together, or the STA was projected out of the STC; if alpha is no
        probability; or if windows are not within the frame.
    """
    _check_together(sta, stc, alpha)
    ny, nx = sta.rf.shape[2:]
    space_time = ny == 1
    where = Grid((sta.rf.shape[1], nx)) if space_time else Grid((ny, nx)) if grid is None else grid
    p_value = sta.p_value
    excitatory, suppressive = np.array(stc.n_excitatory), np.array(stc.n_suppressive)
    seen = (p_value < alpha) | (excitatory > 0) | (suppressive > 0)
    index = np.where(seen, complexity_index(sta, stc, alpha=alpha), np.nan)
    kind = np.where(seen, np.where(index > COMPLEX_ABOVE, "complex", "simple"), "none")
    n = len(kind)
    parameters, r_squared, blob = np.full((8, n), np.nan), np.full(n, np.nan), np.zeros(n, bool)
    seen_by = _windows(windows, n, where.shape)
    planes = recovered_planes(sta, stc, alpha=alpha)
    has_plane = (kind == "complex") & np.isfinite(planes).all(axis=(1, 2, 3, 4))
    for window in np.unique(seen_by, axis=0):
        top, bottom, left, right = window
        part = Grid((bottom - top, right - left), where.pixel_size, where.unit)
        if not _can_hold_gabor(part.shape):
            continue
        shift = where.y_axis[[top, bottom - 1]].mean(), where.x_axis[[left, right - 1]].mean()
        same = (seen_by == window).all(axis=1)
        simple = np.flatnonzero(same & (kind == "simple") & (p_value < alpha))
        if len(simple):
            fields = np.stack([_map(sta.rf[unit])[top:bottom, left:right] for unit in simple])
            fit = fit_gabor(fields, part)
            parameters[:, simple] = _packed(fit.gabor, shift)
            r_squared[simple], blob[simple] = fit.r_squared, fit.flags["blob"]
        for unit in np.flatnonzero(same & has_plane):
            pair = fit_quadrature(_maps(planes[unit])[:, top:bottom, left:right], part)
            parameters[:, unit] = _packed(pair.even.canonical(), shift)
            r_squared[unit] = np.square(pair.principal_cosines).mean()
    return RecoveredUnits(
        kind=kind,
        complexity_index=index,
        sta_p_value=p_value,
        n_excitatory=excitatory.astype(np.int64),
        n_suppressive=suppressive.astype(np.int64),
        parameters=parameters,
        r_squared=r_squared,
        blob=blob,
        is_space_time=space_time,
    )


def _can_hold_gabor(shape: tuple[int, int]) -> bool:
    """Return whether a Gabor can be fitted to so many rows and columns: eight parameters and a scale."""
    return min(shape) >= SMALLEST_SIDE and prod(shape) > len(_NAMES) + 1


def complexity_index(sta: STA, stc: STC, *, alpha: float = 0.05) -> FloatArray:
    """Return the second-order share P_2 / (P_1 + P_2) of the response to white noise, shape (n_units,).

    Parameters, and what can be raised, are those of `describe_recovered`.

    An STA that is not significant counts as none; the power that noise adds to one that is, D / N_eff, is
    taken off, and the variance ratios of axes are freed of what noise adds to them (Baik & Silverstein
    2006). NaN where nothing is significant.
    """
    _check_together(sta, stc, alpha)
    first = np.square(np.linalg.norm(_averages(sta, stc, alpha), axis=1))
    second = np.array([np.square(excess).sum() / 2 for excess, _ in _second_moments(sta, stc, alpha)])
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing is significant
        return np.asarray(second / (first + second))


def recovered_planes(sta: STA, stc: STC, *, alpha: float = 0.05) -> FloatArray:
    """Return for each unit the plane that drives it most, shape (n_units, 2, n_lags, ny, nx).

    Parameters, and what can be raised, are those of `describe_recovered`.

    Its axes are those along which the second moment of the response-weighted frames about the *origin*
    exceeds chance most, within the span of what is significant: STA and STC axes. So a cell that is partly
    simple, whose STA is half of its pair, has its pair's plane too, as a complex cell has its STC plane.
    NaN where fewer than two directions stand out.
    """
    _check_together(sta, stc, alpha)
    planes = np.full((len(stc.sta), 2, *stc.sta.shape[1:]), np.nan)
    # The smallest excess that stands out of the noise at all (Baik & Silverstein 2006).
    faintest = np.sqrt(planes[0, 0].size / stc.n_effective)
    for unit, (excess, axes) in enumerate(_second_moments(sta, stc, alpha)):
        first_two = np.argsort(-excess)[:2]
        if (excess[first_two] > faintest[unit]).sum() == 2:
            planes[unit] = axes[first_two].reshape(planes.shape[1:])
    return planes


def _check_together(sta: STA, stc: STC, alpha: float) -> None:
    """Raise unless both are of the same units, and the STA's power is still to be had."""
    if not isinstance(sta, STA) or not isinstance(stc, STC):
        raise TypeError(
            f"sta and stc must be an STA and an STC, got {type(sta).__name__}, {type(stc).__name__}"
        )
    if sta.rf.shape != stc.sta.shape:
        raise ValueError(f"sta and stc must be of the same units, got {sta.rf.shape} and {stc.sta.shape}")
    if stc.sta_projected_out:
        raise ValueError("stc must be taken about the STA: with project_sta its power would be lost")
    _checks.probability("alpha", alpha)


def _averages(sta: STA, stc: STC, alpha: float) -> FloatArray:
    """Return the response-triggered averages in units of the noise (n_units, D), freed of noise in length."""
    scale = np.sqrt(np.where(sta.pixel_variance > 0, sta.pixel_variance, 1))
    average = ((stc.sta - sta.frame_mean) / scale).reshape(len(stc.sta), -1)
    power = np.square(average).sum(axis=1)
    kept = np.where(sta.p_value < alpha, np.maximum(power - average.shape[1] / stc.n_effective, 0), 0)
    return np.asarray(average * np.sqrt(kept / np.where(power > 0, power, 1))[:, None])


def _second_moments(sta: STA, stc: STC, alpha: float) -> list[tuple[FloatArray, FloatArray]]:
    """Return of each unit the eigenvalues (k,) and axes (k, D) of C + s s^T - 1, as far as significant."""
    found = []
    for unit, average in enumerate(_averages(sta, stc, alpha)):
        chosen = np.r_[: stc.n_excitatory[unit], -stc.n_suppressive[unit] : 0]
        axes = stc.eigenvectors[unit, chosen].reshape(len(chosen), len(average))
        excess = _noise_free(stc.eigenvalues[unit, chosen], len(average) / stc.n_effective[unit]) - 1
        span = np.concatenate([axes, average[None]]) if average.any() else axes
        basis, _ = np.linalg.qr(span.T)
        along, mean = basis.T @ axes.T, basis.T @ average
        values, turn = np.linalg.eigh((along * excess) @ along.T + np.outer(mean, mean))
        found.append((values, turn.T @ basis.T))
    return found


def _noise_free(ratios: FloatArray, gamma: float) -> FloatArray:
    """Return the variance ratios that noise raised (or lowered) to `ratios` = l + gamma l / (l - 1)."""
    half = (ratios + 1 - gamma) / 2
    root = np.sqrt(np.maximum(half**2 - ratios, 0))
    return np.asarray(np.where(ratios > 1, half + root, half - root))


def _windows(
    windows: NDArray[np.integer[Any]] | None, n_units: int, shape: tuple[int, int]
) -> NDArray[np.integer[Any]]:
    """Return the window of each unit, shape (n_units, 4), or raise; the whole frame unless given."""
    if windows is None:
        return np.tile([0, shape[0], 0, shape[1]], (n_units, 1))
    found = np.asarray(windows)
    if found.shape != (n_units, 4) or found.dtype.kind not in "iu":
        raise ValueError(
            f"windows must be integers of shape ({n_units}, 4), got {found.dtype} of shape {found.shape}"
        )
    top, bottom, left, right = found.T
    if ((top < 0) | (top >= bottom) | (bottom > shape[0]) | (left < 0) | (left >= right)).any() or (
        right > shape[1]
    ).any():
        raise ValueError(
            f"windows must lie within the frame of {shape[0]} x {shape[1]}, got {found.tolist()}"
        )
    return found


def _map(field: FloatArray) -> FloatArray:
    """Return of a field (n_lags, ny, nx) the lags by positions, or its lag of most energy."""
    return np.asarray(_maps(field[None])[0])


def _maps(plane: FloatArray) -> FloatArray:
    """Return of fields (k, n_lags, ny, nx) the same two-dimensional part, shape (k, rows, nx)."""
    if plane.shape[2] == 1:
        part = plane[:, :, 0]
    else:
        part = plane[:, int(np.square(plane).sum(axis=(0, 2, 3)).argmax())]
    return np.asarray(part)


def _packed(gabor: Gabor, shift: tuple[float, float]) -> FloatArray:
    """Return the parameters of Gabors, moved by (y, x)."""
    moved = {"y0": gabor.y0 + shift[0], "x0": gabor.x0 + shift[1]}
    return np.stack(list((gabor.parameters() | moved).values()))
