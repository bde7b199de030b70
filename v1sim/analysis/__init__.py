"""What the measurements mean: units described, tuned, compared."""

from v1sim.analysis._recovered import RecoveredUnits, complexity_index, describe_recovered

__all__ = ["RecoveredUnits", "complexity_index", "describe_recovered"]
