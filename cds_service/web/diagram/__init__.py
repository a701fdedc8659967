"""Rules as readable diagrams: an expression's tree as nested steps in plain words, and its boxes.

``outline`` reads the tree, ``Vocabulary`` words its leaves, ``draw`` places the boxes; a template
turns the drawing into SVG. All of it is pure: the same content gives the same picture.
"""

from __future__ import annotations

from cds_service.web.diagram.layout import Box, Drawing, draw
from cds_service.web.diagram.outline import outline
from cds_service.web.diagram.steps import Leaf, Link, Mode, Step
from cds_service.web.diagram.vocabulary import Vocabulary

__all__ = ["Box", "Drawing", "Leaf", "Link", "Mode", "Step", "Vocabulary", "draw", "outline"]
