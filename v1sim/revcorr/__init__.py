"""Reverse correlation: receptive fields from nothing but frames and responses."""

from v1sim.revcorr._axes import STC
from v1sim.revcorr._m_sequence import m_sequence_sta
from v1sim.revcorr._significance import Significance
from v1sim.revcorr._sta import STA, STASums, sta
from v1sim.revcorr._stc import stc
from v1sim.revcorr._stc_sums import STCSums

__all__ = ["STA", "STC", "STASums", "STCSums", "Significance", "m_sequence_sta", "sta", "stc"]
