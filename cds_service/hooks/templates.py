"""Fills the ``{words in braces}`` of texts of content with the values of one call."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cds_service.content.model import Content
from cds_service.decision.evaluate import Answer, Evaluation
from cds_service.hooks.quotes import Quotes

BRACES = re.compile(r"\{([\w:-]+)\}")
FACTS = "facts"
DATE = "date"  # ``{view:date}``, the day of the response in use


class Templates:
    """Fills the templates of one content."""

    def __init__(self, content: Content, quotes: Quotes) -> None:
        self.content = content
        self.quotes = quotes
        self.fragments = {f.code: f for f in content.strategy.fragments}

    def fill(self, text: str, evaluation: Evaluation, more: Mapping[str, str] = {}) -> str:
        """The text with every name in braces replaced; one without a value leaves nothing."""
        return BRACES.sub(lambda m: more.get(m[1]) or self.value(m[1], evaluation), text)

    def value(self, name: str, evaluation: Evaluation) -> str:
        """The words behind a name; empty where there are none."""
        if name in self.fragments:
            fragment = self.fragments[name]
            holds = evaluation.evaluator.all_hold(fragment.conditions) is Answer.YES
            return fragment.text if holds else ""
        if name == "age":
            age = evaluation.facts.variables["age"]
            return "" if age is None else str(age)
        if name == "ago":
            return self.quotes.ago(evaluation)
        view, _, rest = name.partition(":")
        if rest and view in self.content.views:
            return self._of_view(view, rest, evaluation)
        item = self.content.items.get(name)
        if item is not None:
            value = evaluation.facts.answers.view.get(name)
            return "" if value is None else item.number.format(value=value)
        return self.quotes.number(evaluation, name) if name in self.content.names else ""

    def _of_view(self, view: str, name: str, evaluation: Evaluation) -> str:
        """The day of a view, or one of its numbers."""
        if name == DATE:
            return self.quotes.view_day(evaluation, view)
        return self.value(self.content.views[view].prefix + name, evaluation)
