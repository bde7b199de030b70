"""The flags of a fit: what limits it, and what to do about it."""

ADVICE = {
    "dead": "the field is constant or vanishing: nothing to fit",
    "blob": "n_x is not clearly above 0.15: frequency, amplitude and phase cannot be told apart; "
    "report its size, and let model='auto' compare simpler functions",
    "at_bound": "a parameter lies on its bound: errors of the others hold it there; see `bounds`",
    "beyond_nyquist": "the frequency lies on its upper bound: the field may be finer than its pixels",
    "outside_patch": "the centre lies outside the patch: only a flank is seen",
    "ambiguous": "another Gabor or a wide range of them explains the field as well; use more data",
}
"""What each flag means and what to do, in the order of gravity."""
