"""Whatever answers frames, as a responder: recorded responses, functions, cells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from v1sim import _checks
from v1sim._types import Frames, Responder, Responses, Stimulus


@dataclass(frozen=True, eq=False)
class RecordedResponses:
    """Responses that were recorded (or computed) beforehand, as a responder."""

    responses: Responses
    memory: int = 1

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.responses.shape[1])

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Look up the responses to the frames that begin at number `start`."""
        return self.responses[start : start + len(frames)]


@dataclass(frozen=True, eq=False)
class FunctionResponder:
    """Any function from frames (n_frames, ny, nx) to responses (n_frames,) or (n_frames, n_units)."""

    function: Callable[[Frames], Any]
    n_units: int
    memory: int = 1

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Call the function and check the shape of what it returns."""
        answer = _checks.real_array("what the responder returns", self.function(frames))
        if answer.ndim not in (1, 2) or len(answer) != len(frames) or answer[0].size != self.n_units:
            raise ValueError(
                f"responder must return {self.n_units} units for every frame, got shape {answer.shape} for "
                f"{len(frames)} frames"
            )
        return answer.astype(np.float32).reshape(len(frames), self.n_units)


def as_responder(responder: Any, stimulus: Stimulus) -> Responder:
    """Turn what a user hands in into a responder.

    Parameters
    ----------
    responder : Responder, array_like or callable
        A responder as it is; an array of counts or rates, shape (n_frames,) or (n_frames, n_units); or a
        function from frames (n_frames, ny, nx) to responses.
    stimulus : Stimulus
        What the responder watches.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or recorded responses do not have one finite row a frame.
    """
    if not isinstance(stimulus, Stimulus) or isinstance(stimulus, type):
        raise TypeError(
            "stimulus must be a stimulus (n_frames, frame_shape, block_size, frames), got "
            f"{type(stimulus).__name__}: stimuli.ArrayStimulus makes one of an array"
        )
    if isinstance(responder, type):
        raise TypeError(f"responder must be cells, not their class {responder.__name__}")
    if isinstance(responder, Responder):
        return responder
    if callable(responder):
        answer = _checks.real_array("what the responder returns", responder(stimulus.frames(0, 1)))
        if answer.ndim not in (1, 2) or len(answer) != 1:
            raise ValueError(f"responder must return one row a frame, got shape {answer.shape} for 1 frame")
        return FunctionResponder(responder, n_units=answer.size)
    array = _checks.real_array("responses", responder)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"responses must have shape (n_frames,) or (n_frames, n_units), got {array.shape}")
    if len(array) != stimulus.n_frames:
        raise ValueError(
            f"responses must have one row a frame: got {len(array)} rows for {stimulus.n_frames} frames"
        )
    _checks.finite("responses", array)
    return RecordedResponses(np.asarray(array, np.float32).reshape(len(array), -1))
