"""The sums behind a spike-triggered covariance, and a trace of the responses that made it."""

from typing import Self

import numpy as np

from v1sim._types import FloatArray, Responses
from v1sim.revcorr._axes import STC
from v1sim.revcorr._bulk import ResponseHistogram, bulk
from v1sim.revcorr._moments import check_responses, pixel_variances
from v1sim.revcorr._significance import edge_test
from v1sim.stream import Block


class STCSums:
    """The sums behind an `STC`: an estimator for `v1sim.stream.run`."""

    def __init__(self, n_units: int, frame_shape: tuple[int, int], n_lags: int) -> None:
        self.n_pixels = frame_shape[0] * frame_shape[1]
        self.fields = (n_lags, *frame_shape)
        n_dimensions = n_lags * self.n_pixels
        self.n_frames = 0
        self.outer_products = np.zeros((n_units, n_dimensions, n_dimensions))
        self.products = np.zeros((n_units, n_dimensions))
        self.response_sum = np.zeros(n_units)
        self.response_squares = np.zeros(n_units)
        self.histogram = ResponseHistogram.empty(n_units)
        self.frame_sum = np.zeros(self.n_pixels)
        self.frame_squares = np.zeros(self.n_pixels)

    def update(self, block: Block) -> None:
        """Add a block. A response weighs its frame once: r x x^T, not r^2 x x^T."""
        responses, frames = block.responses, block.lag(0)
        if (responses < 0).any():
            frame, unit = (int(i) for i in np.argwhere(responses < 0)[0])
            raise ValueError(
                f"responses must not be negative for stc: they weigh frames, "
                f"got {responses[frame, unit]} from unit {unit}"
            )
        design = block.design(self.fields[0])
        self.products += responses.T @ design
        for weights, outer_product in zip(responses.T, self.outer_products, strict=True):
            shown = weights > 0  # spikes are rare: leave frames without any out of the products
            weighted = design[shown] * np.sqrt(weights[shown])[:, None]
            outer_product += weighted.T @ weighted
        self.response_sum += responses.sum(axis=0, dtype=np.float64)
        self.response_squares += np.square(responses, dtype=np.float64).sum(axis=0)
        self.histogram.update(responses)
        self.frame_sum += frames.sum(axis=0, dtype=np.float64)
        self.frame_squares += np.einsum("tp,tp->p", frames, frames)
        self.n_frames += len(responses)

    def merge(self, other: Self) -> None:
        """Add the sums of later blocks."""
        self.outer_products += other.outer_products
        self.products += other.products
        self.response_sum += other.response_sum
        self.response_squares += other.response_squares
        self.histogram.merge(other.histogram)
        self.frame_sum += other.frame_sum
        self.frame_squares += other.frame_squares
        self.n_frames += other.n_frames

    def covariances(self) -> tuple[FloatArray, FloatArray]:
        """Return covariances in units of the pixel variance (n_units, D, D), and the STAs (n_units, D).

        Raises
        ------
        ValueError
            If a unit never responded or always alike, or a pixel never varies.
        """
        n = self.n_frames
        mean = self.response_sum / n
        check_responses(self.response_squares / n, self.response_squares / n - mean**2)
        variance = pixel_variances(self.frame_squares / n, self.frame_sum / n)
        if not variance.all():
            raise ValueError(
                f"stimulus must vary at every pixel for stc, but {(variance == 0).sum()} of {variance.size} "
                "pixels never do: crop the frames to those that vary"
            )
        sta = self.products / self.response_sum[:, None]
        second_moment = self.outer_products / self.response_sum[:, None, None]
        return (second_moment - sta[:, :, None] * sta[:, None, :]) / variance.mean(), sta

    def result(self) -> STC:
        """Turn the sums into axes, counted by the edges of the spectrum of chance."""
        covariances, sta = self.covariances()
        eigenvalues, vectors = np.linalg.eigh(covariances)
        eigenvalues, vectors = eigenvalues[:, ::-1], vectors[:, :, ::-1].swapaxes(1, 2)
        n_effective = self.response_sum**2 / self.response_squares
        return STC(
            eigenvalues=eigenvalues,
            eigenvectors=vectors.reshape(*vectors.shape[:2], *self.fields),
            sta=sta.reshape(-1, *self.fields),
            n_effective=n_effective,
            n_frames=self.n_frames,
            significance=tuple(
                edge_test(values, bulk(*self.histogram.levels(unit), len(values)))
                for unit, values in enumerate(eigenvalues)
            ),
        )


class ResponseTrace:
    """The responses themselves, one row a frame with full history: an estimator for `v1sim.stream.run`."""

    def __init__(self) -> None:
        self.parts: list[Responses] = []

    def update(self, block: Block) -> None:
        """Keep the responses of a block."""
        self.parts.append(block.responses)

    def merge(self, other: Self) -> None:
        """Append the responses of later blocks."""
        self.parts += other.parts

    def result(self) -> Responses:
        """Return the responses, shape (n_frames, n_units)."""
        return np.concatenate(self.parts)
