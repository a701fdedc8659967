"""Rules as readable diagrams: an expression's tree as nested steps in plain words.

``outline`` reads the tree and ``Vocabulary`` words its leaves; a template writes the steps as a
nested list, which the style sheet shows as boxes. All of it is pure.
"""

from __future__ import annotations

from cds_service.web.diagram.outline import outline
from cds_service.web.diagram.steps import Leaf, Link, Mode, Step
from cds_service.web.diagram.vocabulary import Vocabulary

__all__ = ["Leaf", "Link", "Mode", "Step", "Vocabulary", "outline"]
