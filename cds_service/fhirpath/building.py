"""The part of the compiler that operators and functions use to build closures."""

from typing import Any, Protocol

from .nodes import Call, Node
from .scope import Step, Truth
from .static import Types


class Building(Protocol):
    """Compiles the parts of a node. Each method raises FhirPathError for what cannot be run."""

    value_sets: Any  # canonical URL -> container of (system, code), or None

    def step(self, node: Node) -> Step:
        """A closure for the node's collection."""

    def truth(self, node: Node, *, strict: bool = False) -> Truth:
        """A closure for the node as a boolean; ``strict`` refuses another item than a boolean."""

    def types(self, node: Node) -> Types:
        """Returns what is known about the node's type."""

    def base(self, node: Call) -> Step:
        """The closure for what a function is called on."""
