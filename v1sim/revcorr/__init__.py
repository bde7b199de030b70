"""Reverse correlation: receptive fields from nothing but frames and responses."""

from v1sim.revcorr._axes import STC, stc_from_sums
from v1sim.revcorr._m_sequence import m_sequence_sta
from v1sim.revcorr._significance import Significance
from v1sim.revcorr._sta import STA, Separation, sta, sta_from_sums
from v1sim.revcorr._sta_sums import STASums
from v1sim.revcorr._stc import stc
from v1sim.revcorr._stc_sums import STCSums

__all__ = [
    "STA",
    "STC",
    "STASums",
    "STCSums",
    "Separation",
    "Significance",
    "m_sequence_sta",
    "sta",
    "sta_from_sums",
    "stc",
    "stc_from_sums",
]
