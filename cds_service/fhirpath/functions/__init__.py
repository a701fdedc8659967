"""The functions of the language, by topic; importing this package declares them all."""

from . import boundaries, conversions, existence, filtering, mathematics, strings, tree, utility
from .registry import FUNCTIONS, RESULTS, Function

__all__ = [
    "FUNCTIONS",
    "RESULTS",
    "Function",
    "boundaries",
    "conversions",
    "existence",
    "filtering",
    "mathematics",
    "strings",
    "tree",
    "utility",
]
