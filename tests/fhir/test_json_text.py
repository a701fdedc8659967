"""One bad character in a text does not sink the document around it."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.json_text import BYTE_ORDER_MARK, read_json

HALF = "\ufffd"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb'"cut \ud83d"', f"cut {HALF}"),
        (rb'"\uDC00 low"', f"{HALF} low"),
        (rb'"\ud83d\ud83d\ude00"', f"{HALF}\U0001f600"),
        (rb'"\ude00\ud83d"', HALF * 2),
        (rb'"\ud83d\u0041"', f"{HALF}A"),
        (rb'"\ud83d\n"', f"{HALF}\n"),
        (rb'"\\ud83d \ud83d"', f"\\ud83d {HALF}"),
        (rb'"\\\ud83d"', f"\\{HALF}"),
        (rb'{"\ud83d": [1, "\ud800"]}', {HALF: [1, HALF]}),
        (BYTE_ORDER_MARK + b"[1]", [1]),
        (BYTE_ORDER_MARK + rb'"\ud83d"', HALF),
        (rb'"\ud83d\ude00"', "\U0001f600"),
    ],
    ids=ascii,
)
def test_half_a_character_is_replaced_and_the_rest_is_read(sent: bytes, read: Any) -> None:
    assert read_json(sent) == read


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", BYTE_ORDER_MARK, BYTE_ORDER_MARK * 2 + b"1", rb'"\ud83"', rb'"\ud83d', b'"\xff"'],
    ids=ascii,
)
def test_what_is_no_json_stays_none(sent: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        read_json(sent)


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates, too


@given(st.recursive(TEXTS, lambda each: st.lists(each, max_size=3), max_leaves=6))
def test_every_text_is_read_as_python_reads_it_with_halves_replaced(value: Any) -> None:
    sent = json.dumps(value)

    expected = json.loads(sent)

    assert read_json(sent.encode()) == _replaced(expected)


def _replaced(value: Any) -> Any:
    if isinstance(value, list):
        return [_replaced(each) for each in value]
    return "".join(HALF if "\ud800" <= c <= "\udfff" else c for c in value)
