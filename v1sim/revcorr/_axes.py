"""The result of an STC: axes, their variance ratios, and how many of them count."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.revcorr._bulk import Bulk
from v1sim.revcorr._significance import Significance, edge_test, neutralise
from v1sim.revcorr._stc_sums import MomentSums, STCSums


@dataclass(frozen=True, eq=False, kw_only=True)
class STC:
    """Second-order receptive fields recovered by reverse correlation.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n_units, n_axes)
        Variance of the response-weighted stimulus along each axis, over the variance of a pixel: 1 is
        chance. In descending order, so excitatory axes come first and suppressive ones last. All
        D = n_lags * ny * nx of them, or the `rank` furthest from 1.
    eigenvectors : ndarray, shape (n_units, n_axes, n_lags, ny, nx)
        The axes, of unit norm, in the same order. The sign of an axis is arbitrary, and axes of equal
        eigenvalue are defined only up to a rotation in their plane. Lag 0 is the frame shown with the
        response.
    sta : ndarray, shape (n_units, n_lags, ny, nx)
        Mean frame weighted by the response [contrast], about which the covariance is taken.
    n_effective : ndarray, shape (n_units,)
        (sum r)^2 / sum r^2, the number of samples that sets the width of the bulk.
    n_frames : int
        Number of frames with full history, the only ones that entered.
    significance : tuple of Significance
        For each unit, how many axes exceed chance, and how that was found.
    sta_projected_out : bool
        Whether the STA was projected out of the frames first; it then is an axis of variance ratio 1.
    converged : ndarray of bool, shape (n_units,)
        Whether the axes of a matrix-free search came to rest; always true of a full covariance.
    sums : MomentSums
        What it was computed from; adding results adds these.

    References
    ----------
    de Ruyter van Steveninck & Bialek 1988. Schwartz, Pillow, Rust & Simoncelli 2006, J Vision 6(4):13.
    """

    eigenvalues: FloatArray
    eigenvectors: FloatArray
    sta: FloatArray
    n_effective: FloatArray
    n_frames: int
    significance: tuple[Significance, ...]
    sta_projected_out: bool
    converged: NDArray[np.bool_]
    sums: MomentSums = field(repr=False)

    def __add__(self, other: Self) -> "STC":
        """Return the result of both recordings together, with axes counted by the edges of chance.

        Raises
        ------
        TypeError, ValueError
            If the other is no STC, or one of other units, lags or frames; if one of them was found without
            its full covariance, or only one had the STA projected out.
        """
        if not isinstance(other, STC):
            return NotImplemented
        if not (isinstance(self.sums, STCSums) and isinstance(other.sums, STCSums)):
            raise ValueError("only results of a full covariance (without rank) can be added")
        if self.sta_projected_out != other.sta_projected_out:
            raise ValueError("project_sta must be the same in both results to add them")
        total = self.sums.plus(other.sums)
        alpha = max(found.alpha for found in self.significance)
        return stc_from_sums(total, project_sta=self.sta_projected_out, alpha=alpha)

    @property
    def n_excitatory(self) -> list[int]:
        """Number of axes of each unit with more variance than chance allows."""
        return [found.n_excitatory for found in self.significance]

    @property
    def n_suppressive(self) -> list[int]:
        """Number of axes of each unit with less variance than chance allows."""
        return [found.n_suppressive for found in self.significance]

    @property
    def warnings(self) -> list[str]:
        """What limits the result, a sentence each; empty where nothing does."""
        d = self.sums.products.shape[1]
        few = np.flatnonzero(self.n_effective < d).tolist()
        restless = np.flatnonzero(~self.converged).tolist()
        texts = []
        if few:
            texts.append(
                f"units {few} have fewer effective spikes (N_eff {self.n_effective[few].round().tolist()}) "
                f"than dimensions (D = {d}): axes cannot be told from noise; use fewer lags or pixels, "
                "or more frames"
            )
        colour = self.sums.colour()
        if colour:
            texts.append(
                f"the stimulus is not white ({'; '.join(colour)}): axes mix its covariance with the cell's, "
                "and the edges of chance do not hold"
            )
        if restless:
            texts.append(f"the axes of units {restless} did not come to rest: allow more passes")
        return texts

    def excitatory_axes(self, unit: int = 0) -> FloatArray:
        """Return the significant excitatory axes, strongest first, shape (n, n_lags, ny, nx)."""
        return self.eigenvectors[unit, : self.n_excitatory[unit]]

    def suppressive_axes(self, unit: int = 0) -> FloatArray:
        """Return the significant suppressive axes, strongest first, shape (n, n_lags, ny, nx)."""
        return self.eigenvectors[unit, ::-1][: self.n_suppressive[unit]]


def stc_from_sums(sums: STCSums, *, project_sta: bool = False, alpha: float = 0.05) -> STC:
    """Turn the sums of a full covariance into axes, counted by the edges of the spectrum of chance."""
    eigenvalues, vectors = np.linalg.eigh(triggered_covariances(sums, project_sta=project_sta))
    return result_of(
        sums,
        eigenvalues[:, ::-1],
        vectors[:, :, ::-1].swapaxes(1, 2),
        converged=np.ones(len(eigenvalues), bool),
        chance=[sums.chance(unit) for unit in range(len(eigenvalues))],
        project_sta=project_sta,
        alpha=alpha,
    )


def triggered_covariances(sums: STCSums, *, project_sta: bool) -> FloatArray:
    """Return the covariances (n_units, D, D) in units of the pixel variance, without the STA if told."""
    covariances = sums.covariances()
    if project_sta:
        for covariance, axis in zip(covariances, sta_axes(sums), strict=True):
            neutralise(covariance, axis)
    return covariances


def sta_axes(sums: MomentSums) -> FloatArray:
    """Return the STA of each unit with unit norm, shape (n_units, D)."""
    return np.asarray(sums.sta / np.linalg.norm(sums.sta, axis=1, keepdims=True))


def result_of(
    sums: MomentSums,
    eigenvalues: FloatArray,
    vectors: FloatArray,
    *,
    converged: NDArray[np.bool_],
    chance: Sequence[Bulk],
    project_sta: bool,
    alpha: float,
) -> STC:
    """Put a result together from axes (n_units, n_axes, D) in descending order of their ratios."""
    return STC(
        eigenvalues=eigenvalues,
        eigenvectors=vectors.reshape(*vectors.shape[:2], *sums.fields),
        sta=sums.sta.reshape(len(vectors), *sums.fields),
        n_effective=sums.n_effective,
        n_frames=int(sums.n_frames),
        significance=tuple(
            edge_test(values, edges, alpha=alpha) for values, edges in zip(eigenvalues, chance, strict=True)
        ),
        sta_projected_out=project_sta,
        converged=converged,
        sums=sums,
    )
