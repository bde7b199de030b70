"""What to learn, from what, and for how long: a configuration, and the values meant for each objective."""

from dataclasses import dataclass, fields

from v1sim import _checks

_RECIPES: dict[str, dict[str, int | float | str]] = {
    "coherent": {
        "side": 16, "units": 64, "components": 128, "weight": 0.08, "examples": 60_000, "batch": 1000,
        "epochs": 25, "rate": 0.1,
    },
    "isa": {
        "side": 16, "units": 64, "components": 128, "examples": 60_000, "batch": 2000, "epochs": 50,
        "rate": 0.1,
    },
    "ica": {
        "side": 12, "units": 64, "components": 100, "weight": 1.0, "examples": 20_000, "batch": 20_000,
        "epochs": 15,
    },
    "sparse": {
        "side": 12, "units": 64, "weight": 1.0, "examples": 50_000, "batch": 1000, "epochs": 8, "rate": 0.3,
    },
    "autoencoder": {
        "side": 12, "units": 64, "weight": 3.0, "examples": 20_000, "batch": 200, "epochs": 30, "rate": 3e-3,
    },
    "classify": {"side": 9, "units": 16, "examples": 4000, "batch": 100, "epochs": 10, "rate": 1e-3},
}  # fmt: skip
"""Values that are meant for each objective; benchmarks/learning.py tells what they lead to."""
OBJECTIVES = tuple(_RECIPES)


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """What to learn, from what, and for how long.

    `learning_config` has the values that are meant for each objective.

    Parameters
    ----------
    objective : {"coherent", "isa", "ica", "sparse", "autoencoder", "classify"}
        What is made small.
    side : int
        Rows and columns of a filter [px].
    units : int
        Number of filters; for pairs even, and 4 or more.
    components : int
        Principal components of the whitening of "coherent", "isa" and "ica".
    weight : float
        Of temporal coherence for "coherent", of sparseness for "ica", "sparse" and "autoencoder".
    examples : int
        Patches, or pairs of moments for "coherent".
    batch : int
        Examples a step.
    epochs : int
        Passes over the examples.
    rate : float
        Rate of the optimiser; L-BFGS, for "ica", has none.
    seed : int
        Of the places in the pictures, the first weights and the order of the examples.
    pictures : str
        "skimage", or a folder of image files.
    """

    objective: str
    side: int
    units: int
    components: int = 0
    weight: float = 0.0
    examples: int
    batch: int
    epochs: int
    rate: float = 0.0
    seed: int = 0
    pictures: str = "skimage"

    def __post_init__(self) -> None:
        _checks.choice("objective", self.objective, OBJECTIVES)
        for name, minimum in (("side", 4), ("units", 2), ("examples", 20), ("batch", 1), ("epochs", 1)):
            _checks.integer(name, getattr(self, name), minimum=minimum)
        _checks.integer("components", self.components, minimum=0)
        _checks.not_negative("weight", self.weight)
        _checks.not_negative("rate", self.rate)
        _checks.seed("seed", self.seed)
        if not isinstance(self.pictures, str):
            raise TypeError(f"pictures must be 'skimage' or the name of a folder, got {self.pictures!r}")
        if self.pairs and (self.units % 2 or self.units < 4 or self.units > self.components):
            raise ValueError(
                "units must be even, 4 or more for pairs to be shuffled, and at most components, "
                f"got units={self.units}, components={self.components}"
            )

    @property
    def pairs(self) -> bool:
        """Whether pairs of filters are pooled."""
        return self.objective in ("coherent", "isa")

    @property
    def steps(self) -> int:
        """Number of batches in all."""
        return self.epochs * max(1, self.examples // self.batch)


def learning_config(objective: str, **changes: int | float | str | None) -> LearningConfig:
    """Return the configuration that is meant for an objective, with changes; those of None are none.

    Raises
    ------
    TypeError, ValueError
        If the objective is unknown, or a value is out of range.
    """
    recipe = dict(_RECIPES[_checks.choice("objective", objective, OBJECTIVES)])
    known = [field.name for field in fields(LearningConfig) if field.name != "objective"]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise TypeError(f"changes must be of {', '.join(known)}, got {', '.join(unknown)}")
    recipe |= {name: value for name, value in changes.items() if value is not None}
    return LearningConfig(objective=objective, **recipe)  # type: ignore[arg-type]
