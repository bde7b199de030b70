"""Populations side by side by what they answer to the same images: CKA, RSA, best match, with chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, Unpack

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responder, Responses, Stimulus
from v1sim.analysis._representations import (
    DISSIMILARITIES,
    centred,
    cka_of_products,
    correlations,
    mean_best,
    ranked_dissimilarities,
)
from v1sim.analysis._similarity import MINIMUM_UNITS
from v1sim.convnet import Stack
from v1sim.grid import Grid
from v1sim.stream import Block, RunOptions, Sums, as_responder, run

METHODS = ("cka", "rsa", "best_match")


@dataclass(frozen=True, eq=False, kw_only=True)
class ResponseComparison:
    """How alike populations answer the same images.

    Attributes
    ----------
    populations : tuple of str
        Names.
    n_units : ndarray of int, shape (k,)
        Units of each.
    n_frames : int
        Images of `cka` and `best_match`.
    n_images : int
        The first of them, of `rsa` and of all p values. Images to which all units of a population answer
        the same are left out of these.
    cka, rsa, best_match : ndarray, shape (k, k)
        As `linear_cka`, `representational_similarity` and `best_match_correlation` define them; entry (i, j)
        of the last is that of the units of i with those of j. NaN for a population of fewer than
        `MINIMUM_UNITS`.
    cka_p, rsa_p, best_match_p : ndarray, shape (k, k)
        Share of permutations of the images of one population that bring it at least as near to the other;
        NaN on the diagonal.
    """

    populations: tuple[str, ...]
    n_units: NDArray[np.intp]
    n_frames: int
    n_images: int
    cka: FloatArray
    rsa: FloatArray
    best_match: FloatArray
    cka_p: FloatArray
    rsa_p: FloatArray
    best_match_p: FloatArray

    def to_table(self) -> dict[str, list[Any]]:
        """Return columns with a row for each ordered pair of populations."""
        pairs = [(i, j) for i in range(len(self.populations)) for j in range(len(self.populations)) if i != j]
        table: dict[str, list[Any]] = {
            "population": [self.populations[i] for i, _ in pairs],
            "beside": [self.populations[j] for _, j in pairs],
            "n_units": [int(self.n_units[i]) for i, _ in pairs],
            "n_units_beside": [int(self.n_units[j]) for _, j in pairs],
        }
        for name in METHODS:
            table[name] = [float(getattr(self, name)[pair]) for pair in pairs]
            table[f"{name}_p"] = [float(getattr(self, f"{name}_p")[pair]) for pair in pairs]
        return table

    def summary(self) -> str:
        """Return the comparison in words, a line for each ordered pair."""
        lines = [f"CKA, best match: {self.n_frames} images; RSA, p (of permuted images): {self.n_images}"]
        table = self.to_table()
        for row in zip(*table.values(), strict=True):
            one = dict(zip(table, row, strict=True))
            few = min(one["n_units"], one["n_units_beside"]) < MINIMUM_UNITS
            words = ", ".join(f"{name} {one[name]:.2f} (p {one[f'{name}_p']:.2g})" for name in METHODS)
            lines.append(
                f"  {one['population']} ({one['n_units']}) beside {one['beside']} ({one['n_units_beside']}): "
                + (f"fewer than {MINIMUM_UNITS} units" if few else words)
            )
        return "\n".join(lines)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a `.npz` file."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the comparison whose `arrays` these are."""
        matrices = {f"{name}{end}": arrays[f"{name}{end}"] for name in METHODS for end in ("", "_p")}
        return cls(
            populations=tuple(str(name) for name in arrays["populations"]),
            n_units=arrays["n_units"],
            n_frames=int(arrays["n_frames"]),
            n_images=int(arrays["n_images"]),
            **matrices,
        )


def compare_responses(
    populations: Mapping[str, Any],
    stimulus: Stimulus,
    *,
    seed: int,
    n_images: int = 500,
    n_permutations: int = 200,
    dissimilarity: Literal["correlation", "euclidean"] = "correlation",
    **options: Unpack[RunOptions],
) -> ResponseComparison:
    """Compare what populations answer to the same images.

    Covariances are summed over all frames in one pass, in float64 and in constant memory. What needs images
    side by side, RSA and the permutations, is taken from the first `n_images`.

    Parameters
    ----------
    populations : mapping of str to responder
        Names and responders, or whatever `v1sim.stream.as_responder` takes.
    stimulus : Stimulus
        Images, best such that nobody has learned from: ``NaturalPatches(..., split="test")``.
    seed : int
        Seed of the permutations.
    n_images : int, optional
        Images of RSA and of the permutations.
    n_permutations : int, optional
        Number of permutations; p is at least 1 / (n_permutations + 1).
    dissimilarity : {"correlation", "euclidean"}, optional
        Of RSA; see `representational_similarity`.
    **options
        `v1sim.stream.RunOptions`.

    Returns
    -------
    ResponseComparison

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two populations, or one does not see the stimulus's grid.

    Examples
    --------
    >>> from v1sim import cells, gabor, stimuli
    >>> bank = gabor.Gabor.from_tuning(
    ...     spatial_frequency=.15, orientation_deg=np.arange(0, 180, 9), n_x=.4, n_y=.4)
    >>> patches = stimuli.NaturalPatches((12, 15), n_frames=1000, seed=0, split="test")
    >>> simple = cells.SimpleCells(bank, patches.grid)
    >>> complex_ = cells.ComplexCells(bank, patches.grid)
    >>> alike = compare_responses({"simple": simple, "complex": complex_}, patches, seed=0)
    >>> bool(0 < alike.rsa[0, 1] < alike.cka[0, 1] < alike.cka[0, 0]), float(alike.cka[0, 0].round(9))
    (True, 1.0)
    """
    if len(populations) < 2:
        raise ValueError(f"populations must hold at least two, got {len(populations)}")
    kind = _checks.choice("dissimilarity", dissimilarity, DISSIMILARITIES)
    n_images = _checks.integer("n_images", n_images, minimum=MINIMUM_UNITS)
    n_permutations = _checks.integer("n_permutations", n_permutations, minimum=19)
    rng = np.random.default_rng(_checks.seed("seed", seed))
    together = Together(tuple(_as_responder(name, one, stimulus) for name, one in populations.items()))
    [moments] = run(stimulus, [(together, lambda: _Moments(together.n_units))], **options)
    history = together.memory - 1
    shown = stimulus.frames(0, min(stimulus.n_frames, n_images + history))
    held = together.split(together.respond(shown)[history:].astype(np.float64), axis=1)
    varies = np.all([np.ptp(one, axis=1) > 0 for one in held], axis=0)
    held = [one[varies] for one in held]
    shape = len(held), len(held)
    found = {f"{name}{end}": np.full(shape, np.nan) for name in METHODS for end in ("", "_p")}
    covariance = [together.split(rows, axis=1) for rows in together.split(moments.covariance, axis=0)]
    enough = [n >= MINIMUM_UNITS for n in together.sizes]
    with threadpool_limits(limits=1, user_api="blas"):  # products too small to share out
        for i, j in zip(*np.triu_indices(len(held)), strict=True):
            if not (enough[i] and enough[j]):
                continue
            pair = _from_covariance(covariance[i][i], covariance[i][j], covariance[j][j])
            if varies.sum() >= MINIMUM_UNITS:
                pair |= _from_images(held[i], held[j], kind, rng, n_permutations if i != j else 0)
            for name, (there, back) in pair.items():
                found[name][i, j], found[name][j, i] = there, back
    return ResponseComparison(
        populations=tuple(populations),
        n_units=np.array(together.sizes),
        n_frames=int(moments.n),
        n_images=int(varies.sum()),
        **found,
    )


Both = tuple[float, float]
"""A number for the first population beside the second, and one for the second beside the first."""


def _from_covariance(xx: FloatArray, xy: FloatArray, yy: FloatArray) -> dict[str, Both]:
    """Return CKA and best match of two populations from their covariances."""
    cka = cka_of_products(xx, xy, yy)
    found = correlations(xy, np.diag(xx), np.diag(yy))
    return {"cka": (cka, cka), "best_match": (mean_best(found), mean_best(found.T))}


def _from_images(
    first: FloatArray, second: FloatArray, kind: str, rng: np.random.Generator, n: int
) -> dict[str, Both]:
    """Return the RSA of two populations, and the p values of all three measures, NaN of no permutation."""
    x, y = centred(first), centred(second)
    xx, yy = (x**2).sum(axis=0), (y**2).sum(axis=0)
    near, far = ranked_dissimilarities(first, kind), ranked_dissimilarities(second, kind)

    def statistics(order: NDArray[np.intp]) -> list[float]:
        """Return RSA, CKA up to a factor, and both best matches, with the second's images in an order."""
        xy = x.T @ y[order]
        found = correlations(xy, xx, yy)
        rsa = float((near * far[np.ix_(order, order)]).sum())
        return [rsa, float((xy**2).sum()), mean_best(found), mean_best(found.T)]

    observed = np.array(statistics(np.arange(len(x))))
    chance = np.array([statistics(rng.permutation(len(x))) for _ in range(n)]).reshape(n, len(observed))
    at_least = (chance >= observed - 1e-12 * np.abs(observed)).sum(axis=0)  # equal ones differ by rounding
    unknown = np.isnan(observed) | (n == 0)
    rsa, cka, there, back = np.where(unknown, np.nan, (1 + at_least) / (1 + n)).tolist()
    value = float(observed[0])
    return {
        "rsa": (value, value),
        "rsa_p": (rsa, rsa),
        "cka_p": (cka, cka),
        "best_match_p": (there, back),
    }


def _as_responder(name: str, population: Any, stimulus: Stimulus) -> Responder:
    """Return a population as a responder that sees the stimulus, or raise with its name."""
    if isinstance(population, Stack):
        raise TypeError(
            f"population {name!r} is a stack: choose units of it with as_responder(stack, layer, position)"
        )
    try:
        responder = as_responder(population, stimulus)
    except (TypeError, ValueError) as error:
        raise type(error)(f"population {name!r}: {error}") from error
    sees, shows = getattr(population, "grid", None), getattr(stimulus, "grid", None)
    if sees is not None and shows is not None and sees != shows:
        raise ValueError(
            f"population {name!r} sees {_words(sees)}, but the stimulus shows {_words(shows)}. Make its "
            "cells on the stimulus's grid, or convolve its kernels over it: "
            "as_responder(Stack([Conv2d(kernels)], input_shape=...), layer, position, grid=...)"
        )
    return responder


def _words(grid: Grid) -> str:
    return f"{grid.shape[0]} x {grid.shape[1]} px of {grid.pixel_size:g} {grid.unit}"


@dataclass(frozen=True, eq=False)
class Together:
    """Responders side by side as one, so that one pass serves them all.

    Parameters
    ----------
    responders : tuple of Responder
        Who stands side by side; they see the same frames.
    """

    responders: tuple[Responder, ...]

    @property
    def sizes(self) -> list[int]:
        """Number of units of each."""
        return [one.n_units for one in self.responders]

    @property
    def n_units(self) -> int:
        """Number of units in all."""
        return sum(self.sizes)

    @property
    def memory(self) -> int:
        """Number of frames that a response depends on."""
        return max(one.memory for one in self.responders)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses of all, side by side."""
        return np.concatenate([one.respond(frames, start=start) for one in self.responders], axis=1)

    def split(self, array: FloatArray, *, axis: int) -> list[FloatArray]:
        """Cut an array that has all units along an axis into those of each responder."""
        return np.split(array, np.cumsum(self.sizes)[:-1], axis=axis)


class _Moments(Sums):
    """Number of frames, sums and products of responses."""

    def __init__(self, n_units: int) -> None:
        self.n = np.zeros(())
        self.sums = np.zeros(n_units)
        self.products = np.zeros((n_units, n_units))

    def update(self, block: Block) -> None:
        """Add a block, in float64."""
        responses = block.responses.astype(np.float64)
        self.n += len(responses)
        self.sums += responses.sum(axis=0)
        self.products += responses.T @ responses

    @property
    def covariance(self) -> FloatArray:
        """Covariance of all units; 0 for one that never varies."""
        mean = self.sums / self.n
        covariance = self.products / self.n - np.outer(mean, mean)
        still = np.diag(covariance) <= 1e-12 * np.diag(self.products) / self.n  # what rounding leaves
        covariance[still], covariance[:, still] = 0, 0
        return np.asarray(covariance)
