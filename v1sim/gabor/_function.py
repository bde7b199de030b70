r"""The two-dimensional Gabor function (Daugman 1985; Jones & Palmer 1987).

.. math::

    w(x, y) = \alpha \exp(-\beta_x x'^2 - \beta_y y'^2) \cos(f x' + \phi)

    x' = (x - x_0) \cos\tau + (y - y_0) \sin\tau, \quad y' = -(x - x_0) \sin\tau + (y - y_0) \cos\tau

Both betas enter with a minus sign: an envelope decays in both directions. The symbols are the field names
of `Gabor`; docs/conventions.md has them in one table with units and ranges.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.grid import Grid

_LN2 = np.log(2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Gabor:
    """A Gabor function, or a bank of them: the fields broadcast to shape ``()`` or ``(n,)``.

    Parameters
    ----------
    alpha : array_like
        Amplitude [response per contrast].
    beta_x, beta_y : array_like
        Decay of the envelope along and across the carrier [1/unit^2], above 0; sigma = 1/sqrt(2 beta).
    f : array_like
        Frequency of the carrier [radians/unit].
    phi : array_like
        Phase of the carrier at the centre [radians]: 0 is even (cosine), -pi/2 is odd (sine).
    x0, y0 : array_like
        Centre [unit], x right and y up from the middle of the grid.
    tau : array_like
        Direction of the carrier [radians], counter-clockwise from the x axis. Bars lie at tau + pi/2.

    Raises
    ------
    ValueError
        If a field is not finite, a beta is not positive, or the fields do not broadcast.

    References
    ----------
    Daugman 1985, J Opt Soc Am A 2:1160. Jones & Palmer 1987, J Neurophysiol 58:1233.

    Examples
    --------
    >>> g = Gabor(alpha=1, beta_x=.02, beta_y=.02, f=.8, phi=0, x0=0, y0=0, tau=0)
    >>> w = g.render(Grid((31, 33)))
    >>> w.shape, float(w[15, 16])
    ((31, 33), 1.0)
    """

    alpha: FloatArray
    beta_x: FloatArray
    beta_y: FloatArray
    f: FloatArray
    phi: FloatArray
    x0: FloatArray
    y0: FloatArray
    tau: FloatArray

    def __init__(
        self,
        *,
        alpha: ArrayLike,
        beta_x: ArrayLike,
        beta_y: ArrayLike,
        f: ArrayLike,
        phi: ArrayLike,
        x0: ArrayLike,
        y0: ArrayLike,
        tau: ArrayLike,
    ) -> None:
        given = {
            "alpha": alpha,
            "beta_x": beta_x,
            "beta_y": beta_y,
            "f": f,
            "phi": phi,
            "x0": x0,
            "y0": y0,
            "tau": tau,
        }
        arrays = {name: _checks.real_array(name, value).astype(np.float64) for name, value in given.items()}
        for name, array in arrays.items():
            _checks.finite(name, array)
        for name in ("beta_x", "beta_y"):
            if (arrays[name] <= 0).any():
                raise ValueError(f"{name} must be above 0: an envelope decays, got {arrays[name].min()}")
        try:
            common = np.broadcast_shapes(*(array.shape for array in arrays.values()))
        except ValueError:
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(
                f"the fields of a Gabor must broadcast against each other, got {shapes}"
            ) from None
        if len(common) > 1:
            raise ValueError(f"the fields of a Gabor must be scalars or of shape (n,), got {common}")
        for name, array in arrays.items():
            object.__setattr__(self, name, np.broadcast_to(array, common))

    # -- a bank is indexed and counted like an array --------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for one Gabor, ``(n,)`` for a bank."""
        return self.alpha.shape

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single Gabor has no length; a bank has")
        return self.shape[0]

    def __getitem__(self, index: Any) -> Self:
        if not self.shape:
            raise TypeError("a single Gabor cannot be indexed; a bank can")
        return type(self)(**{name: value[index] for name, value in self.parameters().items()})

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def parameters(self) -> dict[str, FloatArray]:
        """Return the eight parameters by name, in the order of the constructor."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    # -- in the field's terms -------------------------------------------------------------------------

    @property
    def sigma_x(self) -> FloatArray:
        """Standard deviation of the envelope along the carrier [unit]: 1/sqrt(2 beta_x)."""
        return 1 / np.sqrt(2 * self.beta_x)

    @property
    def sigma_y(self) -> FloatArray:
        """Standard deviation of the envelope across the carrier, along the bars [unit]: 1/sqrt(2 beta_y)."""
        return 1 / np.sqrt(2 * self.beta_y)

    @property
    def spatial_frequency(self) -> FloatArray:
        """Frequency of the carrier, F = f / (2 pi) [cycles/unit]."""
        return self.f / (2 * np.pi)

    @property
    def orientation_deg(self) -> FloatArray:
        """Orientation of the bars, tau + 90 deg [degrees in [0, 180)], counter-clockwise from horizontal."""
        degrees = (np.rad2deg(self.tau) + 90) % 180
        return np.where(degrees == 180, 0.0, degrees)  # x % 180 rounds to 180 for tiny negative x

    @property
    def n_x(self) -> FloatArray:
        """Number of cycles within one sigma along the carrier, sigma_x F (Ringach 2002)."""
        return self.sigma_x * np.abs(self.spatial_frequency)

    @property
    def n_y(self) -> FloatArray:
        """Length in cycles, sigma_y F (Ringach 2002)."""
        return self.sigma_y * np.abs(self.spatial_frequency)

    @property
    def aspect_ratio(self) -> FloatArray:
        """Elongation along the bars, sigma_y / sigma_x."""
        return self.sigma_y / self.sigma_x

    @property
    def bandwidth_octaves(self) -> FloatArray:
        r"""Full spatial-frequency bandwidth at half height [octaves].

        The spectrum's half height lies at F +- sqrt(ln 2 / 2) / (pi sigma_x), whence
        log2((n_x pi + sqrt(ln 2 / 2)) / (n_x pi - sqrt(ln 2 / 2))); infinite where the lower edge is not
        above zero (a low-pass field). De Valois, Albrecht & Thorell 1982.
        """
        centre, half = np.pi * self.n_x, np.sqrt(_LN2 / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            octaves = np.log2((centre + half) / (centre - half))
        return np.where(centre > half, octaves, np.inf)

    @property
    def orientation_bandwidth_deg(self) -> FloatArray:
        """Full orientation bandwidth at half height [degrees]: 2 atan(sqrt(ln 2 / 2) / (pi n_y)).

        From the half height of the spectrum across the carrier at the preferred spatial frequency
        (Daugman 1985); 180 for a field without a carrier.
        """
        return np.asarray(2 * np.rad2deg(np.arctan2(np.sqrt(_LN2 / 2), np.pi * self.n_y)))

    @property
    def symmetry(self) -> FloatArray:
        """Phase folded to [0, pi/2] [radians]: 0 is even, pi/2 is odd (Ringach 2002)."""
        return np.asarray(np.arctan2(np.abs(np.sin(self.phi)), np.abs(np.cos(self.phi))))

    # -- other Gabors ---------------------------------------------------------------------------------

    def canonical(self) -> Self:
        """Return the same function in its one canonical form.

        alpha > 0, f > 0, tau in [0, pi), phi in (-pi, pi]. Folds
        the exact symmetries (alpha, phi) ~ (-alpha, phi + pi), (f, phi) ~ (-f, -phi) and
        (tau, phi) ~ (tau + pi, -phi).
        """
        phi = np.where(self.f < 0, -self.phi, self.phi)
        turns = np.floor_divide(self.tau, np.pi)
        tau = self.tau - turns * np.pi
        odd = turns % 2 == 1
        above = tau >= np.pi  # rounding: a tau of -1e-17 comes out as pi itself
        tau = np.where(above, 0.0, tau)
        odd = odd ^ above
        phi = np.where(odd, -phi, phi)
        phi = np.where(self.alpha < 0, phi + np.pi, phi)
        phi = np.pi - (np.pi - phi) % (2 * np.pi)
        return replace(self, alpha=np.abs(self.alpha), f=np.abs(self.f), tau=tau, phi=phi)

    def quadrature(self) -> Self:
        """Return the partner a quarter cycle later, phi - pi/2: the odd (sine) half of an even (cosine) one.

        The two halves differ in norm and DC; `v1sim.cells.ComplexCells` balances them.
        """
        return replace(self, phi=self.phi - np.pi / 2)

    @classmethod
    def from_tuning(
        cls,
        *,
        spatial_frequency: ArrayLike,
        orientation_deg: ArrayLike,
        n_x: ArrayLike,
        n_y: ArrayLike,
        phase: ArrayLike = 0.0,
        centre: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
        amplitude: ArrayLike = 1.0,
    ) -> Self:
        """Make a Gabor from what a physiologist reports.

        Parameters
        ----------
        spatial_frequency : array_like
            F [cycles/unit], above 0.
        orientation_deg : array_like
            Orientation of the *bars* [degrees], counter-clockwise from horizontal.
        n_x, n_y : array_like
            Width and length of the envelope in cycles, sigma F, above 0.
        phase : array_like, optional
            Phase of the carrier at the centre [radians].
        centre : tuple of array_like, optional
            (x0, y0) [unit].
        amplitude : array_like, optional
            alpha.

        Raises
        ------
        ValueError
            If the frequency or a width is not above zero.

        Examples
        --------
        >>> g = Gabor.from_tuning(spatial_frequency=.1, orientation_deg=90, n_x=.4, n_y=.5)
        >>> round(float(g.n_y), 12), round(float(g.orientation_deg), 12), float(g.tau)
        (0.5, 90.0, 0.0)
        """
        given = {"spatial_frequency": spatial_frequency, "n_x": n_x, "n_y": n_y}
        arrays: dict[str, NDArray[np.float64]] = {k: np.asarray(v, np.float64) for k, v in given.items()}
        for name, array in arrays.items():
            if not (array > 0).all():
                raise ValueError(f"{name} must be above 0, got a smallest value of {array.min()}")
        frequency = arrays["spatial_frequency"]
        return cls(
            alpha=amplitude,
            beta_x=frequency**2 / (2 * arrays["n_x"] ** 2),
            beta_y=frequency**2 / (2 * arrays["n_y"] ** 2),
            f=2 * np.pi * frequency,
            phi=phase,
            x0=centre[0],
            y0=centre[1],
            tau=np.deg2rad(np.asarray(orientation_deg, np.float64) - 90),
        )

    # -- the function ---------------------------------------------------------------------------------

    def render(self, grid: Grid) -> FloatArray:
        """Sample the function at the pixels of `grid`.

        Parameters
        ----------
        grid : Grid
            Pixel positions, in the unit of the Gabor's fields.

        Returns
        -------
        ndarray, shape (ny, nx) or (n, ny, nx)
            The weights w(x, y).
        """
        p = {name: value[..., None, None] for name, value in self.parameters().items()}
        dx, dy = grid.x - p["x0"], grid.y - p["y0"]
        cos, sin = np.cos(p["tau"]), np.sin(p["tau"])
        along, across = dx * cos + dy * sin, -dx * sin + dy * cos
        envelope = np.exp(-p["beta_x"] * along**2 - p["beta_y"] * across**2)
        return np.asarray(p["alpha"] * envelope * np.cos(p["f"] * along + p["phi"]))
