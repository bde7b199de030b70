"""The result of an STC: axes, their variance ratios, and how many of them count."""

from dataclasses import dataclass

from v1sim._types import FloatArray
from v1sim.revcorr._significance import Significance


@dataclass(frozen=True, eq=False, kw_only=True)
class STC:
    """Second-order receptive fields recovered by reverse correlation.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n_units, D)
        Variance of the response-weighted stimulus along each axis, over the variance of a pixel: 1 is
        chance. In descending order, so excitatory axes come first and suppressive ones last.
        D = n_lags * ny * nx.
    eigenvectors : ndarray, shape (n_units, D, n_lags, ny, nx)
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

    @property
    def n_excitatory(self) -> list[int]:
        """Number of axes of each unit with more variance than chance allows."""
        return [found.n_excitatory for found in self.significance]

    @property
    def n_suppressive(self) -> list[int]:
        """Number of axes of each unit with less variance than chance allows."""
        return [found.n_suppressive for found in self.significance]

    def excitatory_axes(self, unit: int = 0) -> FloatArray:
        """Return the significant excitatory axes, strongest first, shape (n, n_lags, ny, nx)."""
        return self.eigenvectors[unit, : self.n_excitatory[unit]]

    def suppressive_axes(self, unit: int = 0) -> FloatArray:
        """Return the significant suppressive axes, strongest first, shape (n, n_lags, ny, nx)."""
        return self.eigenvectors[unit, ::-1][: self.n_suppressive[unit]]
