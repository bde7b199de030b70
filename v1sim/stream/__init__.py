"""The one engine: blocks of frames go in, sums come out, on any executor and with the same bits."""

from v1sim.stream._blocks import Block, block_generator, block_pieces, check_range, default_block_size
from v1sim.stream._passes import Passes
from v1sim.stream._responders import FunctionResponder, RecordedResponses, as_responder
from v1sim.stream._run import Job, Progress, RunOptions, find_stretches, run, worker_count
from v1sim.stream._sums import Sums

__all__ = [
    "Block",
    "FunctionResponder",
    "Job",
    "Passes",
    "Progress",
    "RecordedResponses",
    "RunOptions",
    "Sums",
    "as_responder",
    "block_generator",
    "block_pieces",
    "check_range",
    "default_block_size",
    "find_stretches",
    "run",
    "worker_count",
]
