"""Divides a form into steps: its topics, its top-level groups, or some questions at a time.

A fixed text that is a topic opens a page and is its heading. A flat form without topics has no
steps of its own: its questions are taken in order until a page is full, at most ``MAX_QUESTIONS``
of them and not many more lines than fit three screens of a phone. A fixed text goes with the
question before it where its condition is that question, else with the one after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.web.form.model import DISPLAY, GROUP, NO_TEXT, FormItem, Step

MAX_QUESTIONS = 6  # questions on a page
ROOM = 44  # lines on a page
HEAD = 2  # lines a question takes besides its options


def divide(top: Sequence[FormItem]) -> tuple[Step, ...]:
    """The steps of a form, from the parts at its top."""
    if any(part.topic for part in top):
        return _by_topic(top)
    pages: list[tuple[FormItem | None, list[FormItem]]] = []
    loose: list[FormItem] = []
    for part in top:
        if part.control == GROUP:
            pages += [(None, page) for page in _pages(loose)]
            loose = []
            pages.append((part, [part]))
        else:
            loose.append(part)
    pages += [(None, page) for page in _pages(loose)]
    return tuple(
        Step(number, group.text if group else NO_TEXT, tuple(parts))
        for number, (group, parts) in enumerate(pages, 1)
    )


def _by_topic(top: Sequence[FormItem]) -> tuple[Step, ...]:
    """A step for each topic; what stands before the first goes with it."""
    topics = [place for place, part in enumerate(top) if part.topic]
    starts, ends = [0, *topics[1:]], [*topics[1:], len(top)]
    return tuple(
        Step(
            number,
            top[topic].text,
            tuple(part for part in top[start:end] if not part.topic),
            top[topic].skip,
        )
        for number, (topic, start, end) in enumerate(zip(topics, starts, ends, strict=True), 1)
    )


def _pages(parts: Sequence[FormItem]) -> list[list[FormItem]]:
    """Loose parts, a page at a time."""
    pages: list[list[FormItem]] = []
    questions, lines = MAX_QUESTIONS, ROOM
    for block in _blocks(parts):
        size = sum(_lines(part) for part in block)
        opens = block[0].control == DISPLAY and lines >= ROOM // 2  # it introduces something
        closing = bool(pages) and all(part.control == DISPLAY for part in block)
        if not closing and (questions >= MAX_QUESTIONS or lines + size > ROOM or opens):
            pages.append([])
            questions, lines = 0, 0
        pages[-1] += block
        questions, lines = questions + 1, lines + size
    return pages


def _blocks(parts: Sequence[FormItem]) -> Iterator[list[FormItem]]:
    """A question with the fixed texts that go with it."""
    block: list[FormItem] = []
    for part in parts:
        asked = next((p for p in block if p.control != DISPLAY), None)
        if asked is not None and not _follows(part, asked):
            yield block
            block = []
        block.append(part)
    if block:
        yield block


def _follows(part: FormItem, question: FormItem) -> bool:
    """Checks whether a fixed text is shown for what the question was answered."""
    asks = {condition.question for condition in part.item.conditions}
    return part.control == DISPLAY and question.link_id in asks


def _lines(part: FormItem) -> int:
    if part.control == DISPLAY:
        return 0 if part.emergency else 1
    return HEAD + len(part.options) + sum(_lines(inner) for inner in part.parts)
