"""Optimisers: pure functions from (parameters, gradients, state) to the next parameters and state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._layer import Parameters

State = dict[str, NDArray[Any]]
"""What an optimiser remembers from step to step, as arrays by name."""
Evaluate = Callable[[Parameters], tuple[float, Parameters]]
"""Loss and gradients at some parameters."""


@runtime_checkable
class Optimiser(Protocol):
    """A rule for steps: holds nothing that changes."""

    def start(self, parameters: Mapping[str, NDArray[Any]]) -> tuple[Parameters, State]:
        """Return the parameters from which learning sets out, and the state before the first step."""

    def update(
        self, parameters: Mapping[str, NDArray[Any]], gradients: Mapping[str, NDArray[Any]], state: State
    ) -> tuple[Parameters, State]:
        """Return the parameters and the state after a step."""


@final
@dataclass(frozen=True, kw_only=True)
class SGD:
    r"""Gradient descent with momentum.

    .. math:: v \leftarrow \mu v - \eta g, \qquad \theta \leftarrow \theta + v

    Parameters
    ----------
    rate : float
        eta, above 0.
    momentum : float, optional
        mu, in [0, 1).
    fade : tuple of int, optional
        Steps between which the rate falls to 0 in a straight line; it stays the same unless told.

    References
    ----------
    Polyak 1964, USSR Comput Math Math Phys 4(5):1.
    """

    rate: float
    momentum: float = 0.9
    fade: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _checks.positive("rate", self.rate))
        object.__setattr__(self, "momentum", _share("momentum", self.momentum))
        if self.fade is not None:
            if not isinstance(self.fade, tuple) or len(self.fade) != 2:
                raise ValueError(f"fade must be two steps (first, last), got {self.fade!r}")
            first, last = (_checks.integer(f"fade[{i}]", step, minimum=0) for i, step in enumerate(self.fade))
            if first >= last:
                raise ValueError(f"fade must be two steps, the first before the last, got {self.fade}")

    def start(self, parameters: Mapping[str, NDArray[Any]]) -> tuple[Parameters, State]:
        """Return the parameters as they are, and velocities of 0."""
        velocities = {f"velocity.{name}": np.zeros_like(value) for name, value in checked(parameters).items()}
        return dict(parameters), {"step": np.array(0), **velocities}

    def update(
        self, parameters: Mapping[str, NDArray[Any]], gradients: Mapping[str, NDArray[Any]], state: State
    ) -> tuple[Parameters, State]:
        """Return the parameters and the state after a step."""
        step = _step_of(state)
        rate = self.rate * (1.0 if self.fade is None else float(np.interp(step, self.fade, (1, 0))))
        new: Parameters = {}
        remembered: State = {"step": np.array(step + 1)}
        for name, value in parameters.items():
            key = f"velocity.{name}"
            velocity = self.momentum * _remembered(key, value, state) - rate * gradient_of(
                name, value, gradients
            )
            remembered[key] = velocity.astype(value.dtype, copy=False)
            new[name] = value + remembered[key]
        return new, remembered


@final
@dataclass(frozen=True, kw_only=True)
class Adam:
    r"""Steps of about equal size in every parameter.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        \theta \leftarrow \theta - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    rate : float, optional
        eta, above 0.
    beta1, beta2 : float, optional
        Memory of the mean and of the square of the gradient, in [0, 1).
    epsilon : float, optional
        Above 0.

    References
    ----------
    Kingma & Ba 2015, ICLR, algorithm 1; the defaults are theirs.
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _checks.positive("rate", self.rate))
        object.__setattr__(self, "beta1", _share("beta1", self.beta1))
        object.__setattr__(self, "beta2", _share("beta2", self.beta2))
        object.__setattr__(self, "epsilon", _checks.positive("epsilon", self.epsilon))

    def start(self, parameters: Mapping[str, NDArray[Any]]) -> tuple[Parameters, State]:
        """Return the parameters as they are, and moments of 0."""
        state: State = {"step": np.array(0)}
        for name, value in checked(parameters).items():
            state[f"mean.{name}"] = np.zeros_like(value)
            state[f"square.{name}"] = np.zeros_like(value)
        return dict(parameters), state

    def update(
        self, parameters: Mapping[str, NDArray[Any]], gradients: Mapping[str, NDArray[Any]], state: State
    ) -> tuple[Parameters, State]:
        """Return the parameters and the state after a step."""
        step = _step_of(state) + 1
        new: Parameters = {}
        remembered: State = {"step": np.array(step)}
        for name, value in parameters.items():
            g = gradient_of(name, value, gradients)
            mean = self.beta1 * _remembered(f"mean.{name}", value, state) + (1 - self.beta1) * g
            square = self.beta2 * _remembered(f"square.{name}", value, state) + (1 - self.beta2) * g**2
            move = mean / (1 - self.beta1**step) / (np.sqrt(square / (1 - self.beta2**step)) + self.epsilon)
            new[name] = (value - self.rate * move).astype(value.dtype, copy=False)
            remembered[f"mean.{name}"] = mean.astype(value.dtype, copy=False)
            remembered[f"square.{name}"] = square.astype(value.dtype, copy=False)
        return new, remembered


@final
@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """Limited-memory BFGS by SciPy, some iterations on each batch; it begins anew with the next.

    For losses without a constraint, and batches that stand for all the data (Le et al. 2011, ICML).

    Parameters
    ----------
    iterations : int, optional
        Iterations a batch.
    history : int, optional
        Pairs of steps and gradients that shape the next direction.

    References
    ----------
    Zhu, Byrd, Lu & Nocedal 1997, ACM Trans Math Softw 23:550.
    """

    iterations: int = 20
    history: int = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "iterations", _checks.integer("iterations", self.iterations, minimum=1))
        object.__setattr__(self, "history", _checks.integer("history", self.history, minimum=1))

    def minimise(self, evaluate: Evaluate, parameters: Mapping[str, NDArray[Any]]) -> Parameters:
        """Return the parameters after some iterations.

        Parameters
        ----------
        evaluate : callable
            From parameters to (loss, gradients).
        parameters : dict of str to ndarray
            Where to start.
        """
        from scipy.optimize import minimize  # slow to import

        def flat(vector: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            loss, gradients = evaluate(_unpacked(vector, parameters))
            return loss, _packed({name: gradient_of(name, v, gradients) for name, v in parameters.items()})

        found = minimize(
            flat,
            _packed(checked(parameters)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.iterations, "maxcor": self.history},
        )
        return _unpacked(found.x, parameters)


def _packed(parameters: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(value).astype(np.float64) for value in parameters.values()])


def _unpacked(vector: NDArray[np.float64], like: Mapping[str, NDArray[Any]]) -> Parameters:
    """Return a vector as arrays of the shapes and dtypes of others."""
    ends = np.cumsum([value.size for value in like.values()])[:-1]
    parts = zip(like.items(), np.split(vector, ends), strict=True)
    return {name: part.reshape(value.shape).astype(value.dtype) for (name, value), part in parts}


def _share(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not in [0, 1)."""
    number = _checks.not_negative(name, value)
    if number >= 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
    return number


def checked(parameters: object) -> Mapping[str, NDArray[Any]]:
    """Return parameters if they are float arrays by name, one or more, or raise."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise TypeError(f"parameters must be arrays by name, one or more, got {parameters!r:.80}")
    for name, value in parameters.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
            raise TypeError(f"parameters must be arrays of floats, got {kind} for {name!r}")
    return parameters


def gradient_of(name: str, value: NDArray[Any], gradients: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the gradient in respect of a parameter, or raise if it is not there or has another shape."""
    if name not in gradients or np.shape(gradients[name]) != value.shape:
        came = f"one of shape {np.shape(gradients[name])}" if name in gradients else "none"
        raise ValueError(f"gradients must have {name} of shape {value.shape}, got {came}")
    return gradients[name]


def _remembered(key: str, value: NDArray[Any], state: State) -> NDArray[Any]:
    """Return what a state holds for a parameter, or raise if it is the state of others."""
    if key not in state or state[key].shape != value.shape:
        raise ValueError(f"state must be that of these parameters, from `start`: no {key} of {value.shape}")
    return state[key]


def _step_of(state: State) -> int:
    """Return the number of steps behind a state, or raise if it is not one of `start`."""
    if "step" not in state:
        raise ValueError(f"state must come from `start`, got one that holds {', '.join(state) or 'nothing'}")
    return int(state["step"])
