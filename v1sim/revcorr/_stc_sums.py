"""The sums behind a spike-triggered covariance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Responses
from v1sim.revcorr._bulk import N_BINS, Bulk, bulk, response_bins
from v1sim.revcorr._moments import check_responses, pixel_variances, raw_squares
from v1sim.stream import Block, Sums

_COMPARED_FRAMES = 256
"""Frames of each block that are looked at for correlations: enough, and at little cost."""


class MomentSums(Sums):
    """What any STC needs besides its axes: sums of responses, of frames, and of frames weighted by responses.

    Parameters
    ----------
    n_units : int
        Number of units.
    frame_shape : tuple of int
        Rows and columns of a frame.
    n_lags : int
        Number of lags.
    """

    def __init__(self, n_units: int, frame_shape: tuple[int, int], n_lags: int) -> None:
        n_pixels = frame_shape[0] * frame_shape[1]
        self.fields = (n_lags, *frame_shape)
        self.n_frames = np.zeros((), np.int64)
        self.products = np.zeros((n_units, n_lags * n_pixels))
        self.response_sum = np.zeros(n_units)
        self.response_squares = np.zeros(n_units)
        self.bin_counts = np.zeros((n_units, N_BINS), np.int64)
        self.bin_sums = np.zeros((n_units, N_BINS))
        self.frame_sum = np.zeros(n_pixels)
        self.frame_squares = np.zeros(n_pixels)
        self.neighbour_products = np.zeros(4)  # of a pixel with itself, right, below and in the next frame
        self.neighbour_counts = np.zeros(4, np.int64)

    def update(self, block: Block) -> None:
        """Add a block."""
        responses = block.responses
        if (responses < 0).any():
            frame, unit = (int(i) for i in np.argwhere(responses < 0)[0])
            raise ValueError(
                f"responses must not be negative for stc: they weigh frames, "
                f"got {responses[frame, unit]} from unit {unit}"
            )
        block, mean = block.centred()
        frames, past = block.lag(0), np.tile(mean, self.fields[0])
        self.products += responses.T @ block.design(self.fields[0])
        self.products += np.outer(responses.sum(axis=0, dtype=np.float64), past)
        self.response_sum += responses.sum(axis=0, dtype=np.float64)
        self.response_squares += np.square(responses, dtype=np.float64).sum(axis=0)
        for unit, (values, bins) in enumerate(zip(responses.T, response_bins(responses), strict=True)):
            self.bin_counts[unit] += np.bincount(bins, minlength=N_BINS)
            self.bin_sums[unit] += np.bincount(bins, weights=values, minlength=N_BINS)
        self.frame_sum += frames.sum(axis=0, dtype=np.float64) + len(frames) * mean
        self.frame_squares += raw_squares(frames, mean)
        self._compare_neighbours(frames[:_COMPARED_FRAMES])
        self.n_frames += len(responses)

    @property
    def sta(self) -> FloatArray:
        """Mean frame weighted by the response, shape (n_units, D)."""
        return self.products / self.response_sum[:, None]

    @property
    def n_effective(self) -> FloatArray:
        """(sum r)^2 / sum r^2, shape (n_units,)."""
        return np.asarray(self.response_sum**2 / self.response_squares)

    def variance(self) -> float:
        """Return the mean variance of a pixel.

        Raises
        ------
        ValueError
            If a unit never responded or always alike, or a pixel never varies.
        """
        n = int(self.n_frames)
        mean_square = self.response_squares / n
        check_responses(mean_square, mean_square - (self.response_sum / n) ** 2)
        variances = pixel_variances(self.frame_squares / n, self.frame_sum / n)
        if not variances.all():
            raise ValueError(
                f"stimulus must vary at every pixel for stc, but {(variances == 0).sum()} of "
                f"{variances.size} pixels never do: crop the frames to those that vary"
            )
        return float(variances.mean())

    def _compare_neighbours(self, frames: NDArray[np.float32]) -> None:
        """Add products of neighbouring pixels of a few frames, to see whether the stimulus is white."""
        y = (frames - frames.mean(axis=0)).reshape(len(frames), *self.fields[1:])
        pairs = (y, y), (y[:, :, 1:], y[:, :, :-1]), (y[:, 1:], y[:, :-1]), (y[1:], y[:-1])
        for k, (first, second) in enumerate(pairs):
            self.neighbour_products[k] += np.vdot(first, second)
            self.neighbour_counts[k] += first.size

    def colour(self) -> list[str]:
        """Return what is not white about the stimulus, a phrase each; empty for white noise.

        Correlations and differences in variance count from where chance ends (6 standard errors), and from
        1 % on: below, they move a variance ratio by less than any axis does.
        """
        n = int(self.n_frames)
        found = []
        variances = pixel_variances(self.frame_squares / n, self.frame_sum / n)
        unequal = float(np.abs(variances / variances.mean() - 1).max())
        if unequal > max(0.01, 6 * np.sqrt(2 / n)):
            found.append(f"pixel variances differ by {100 * unequal:.0f} %")
        with np.errstate(invalid="ignore"):  # a frame of one row has no pixel below another: NaN
            mean_products = self.neighbour_products / self.neighbour_counts
        for k, where in enumerate(("to the right", "below", "in the next frame"), start=1):
            correlation = float(mean_products[k] / mean_products[0])
            if abs(correlation) > max(0.01, 6 / np.sqrt(self.neighbour_counts[k] or np.inf)):
                found.append(f"pixels correlate by {correlation:.2f} with those {where}")
        return found

    def chance(self, unit: int) -> Bulk:
        """Return where the spectrum of responses like a unit's ends if they ignore the stimulus."""
        held = self.bin_sums[unit] > 0
        counts = self.bin_counts[unit, held]
        return bulk(self.bin_sums[unit, held] / counts, counts, self.products.shape[1])


class STCSums(MomentSums):
    """The moments and, in full, the sum of outer products r x x^T: an estimator for `v1sim.stream.run`."""

    def __init__(self, n_units: int, frame_shape: tuple[int, int], n_lags: int) -> None:
        super().__init__(n_units, frame_shape, n_lags)
        n_dimensions = self.products.shape[1]
        self.outer_products = np.zeros((n_units, n_dimensions, n_dimensions))

    def update(self, block: Block) -> None:
        """Add a block. A response weighs its frame once: r x x^T, not r^2 x x^T."""
        super().update(block)
        block, mean = block.centred()
        design, past = block.design(self.fields[0]), np.tile(mean, self.fields[0])
        for weights, outer_product in zip(block.responses.T, self.outer_products, strict=True):
            shown = weights > 0  # spikes are rare: leave frames without any out of the products
            weighted = design[shown] * np.sqrt(weights[shown])[:, None]
            outer_product += weighted.T @ weighted
            if past.any():
                half = weights @ design + weights.sum(dtype=np.float64) / 2 * past
                outer_product += np.outer(half, past) + np.outer(past, half)

    def covariances(self) -> FloatArray:
        """Return the covariance about the STA in units of the pixel variance, shape (n_units, D, D)."""
        variance, sta = self.variance(), self.sta
        second_moment = self.outer_products / self.response_sum[:, None, None]
        return np.asarray((second_moment - sta[:, :, None] * sta[:, None, :]) / variance)


class ResponseTrace(Sums):
    """The responses themselves, one row a frame with full history: an estimator for `v1sim.stream.run`."""

    def __init__(self, n_units: int) -> None:
        self.responses: Responses = np.zeros((0, n_units), np.float32)

    def update(self, block: Block) -> None:
        """Append the responses of a block."""
        self.responses = np.concatenate([self.responses, block.responses])

    def merge(self, other: "ResponseTrace") -> None:
        """Append the responses of later blocks."""
        self.responses = np.concatenate([self.responses, other.responses])

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over the responses of earlier blocks."""
        self.responses = np.asarray(state["responses"], np.float32)
