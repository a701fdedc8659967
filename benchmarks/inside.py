"""What one call costs inside the process, part by part; rules against plain Python; growth."""

from dataclasses import replace
from datetime import UTC, datetime

import orjson

from benchmarks.handwritten import LEFT_OUT, Codes, rules
from benchmarks.people import request_of_size
from benchmarks.table import Row, cpu_ms
from cds_service.content.codes import CodeSet
from cds_service.content.model import Requirement
from cds_service.decision.chart import ChartIndex
from cds_service.decision.evaluate import evaluate
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_body, parse_request

SIZE = 50
SIZES = (50, 500, 5000)
FULLER = 20  # times as many codes in every value set
ALL_PARTS = "all of these"
SHORT = 12  # codes of a value set, as most had in version 0.1.0


def parts(pipeline: Pipeline) -> list[Row]:
    """A call of 50 resources, taken apart."""
    service, now = pipeline.service_for("patient-view"), datetime.now(UTC)
    body = orjson.dumps(request_of_size(SIZE, pipeline))
    parsed = parse_body(body)
    request = parse_request(parsed, service.hook)
    _, facts = pipeline.facts(request, now)
    found = evaluate(pipeline.content, facts, now, service.hook)
    call = pipeline.call(request)
    answer = {"cards": pipeline.writer.cards(found, call)}
    codes, names = Codes(pipeline.content.value_sets), shared_names(pipeline, facts.variables, now)

    def all_rules() -> None:
        bindings = pipeline.content.expressions.bind(facts.variables, now)
        for name in names:
            bindings[name]

    times = cpu_ms(
        {
            "parse": lambda: parse_body(body),
            "facts": lambda: pipeline.facts(parse_request(parsed, service.hook), now),
            "evaluate": lambda: evaluate(pipeline.content, facts, now, service.hook),
            "cards": lambda: pipeline.writer.cards(found, call),
            "dump": lambda: orjson.dumps(answer),
            "rules": all_rules,
            "floor": lambda: rules(facts.variables, codes, now.date()),
        }
    )
    kib, cards = len(body) / 1024, len(answer["cards"])
    steps = ("parse", "facts", "evaluate", "cards", "dump")
    return [
        Row("JSON in", times["parse"], "ms", note=f"{kib:.0f} KiB, {SIZE} resources"),
        Row("request checked, chart and answers read", times["facts"], "ms"),
        Row("evaluate", times["evaluate"], "ms", note=f"{cards} cards shown"),
        Row("cards written", times["cards"], "ms"),
        Row("JSON out", times["dump"], "ms", note=f"{len(orjson.dumps(answer)) / 1024:.0f} KiB"),
        Row(ALL_PARTS, sum(times[step] for step in steps), "ms"),
        Row(
            "all rules together",
            times["rules"],
            "ms",
            3,
            note=f"{len(names)} of {len(pipeline.content.names)} names",
        ),
        Row("floor 2: the same by hand", times["floor"], "ms"),
        Row("rules / floor 2", times["rules"] / times["floor"], "x", 4),
    ]


def shared_names(pipeline: Pipeline, variables: dict, now: datetime) -> list[str]:
    """The names that both the content and the yardstick have."""
    yardstick = rules(variables, Codes(pipeline.content.value_sets), now.date()).keys()
    return [n for n in pipeline.content.names if n in yardstick and n not in LEFT_OUT]


def growth(pipeline: Pipeline) -> list[Row]:
    """How a whole call grows with the chart, and the matching with the value sets."""
    service, now = pipeline.service_for("patient-view"), datetime.now(UTC)
    bodies = {size: orjson.dumps(request_of_size(size, pipeline)) for size in SIZES}

    def whole(body: bytes) -> bytes:
        return orjson.dumps(pipeline.answer(service, parse_body(body), now).cards)

    times = cpu_ms({str(size): lambda b=body: whole(b) for size, body in bodies.items()}, 7)
    small, middle, large = (times[str(size)] for size in SIZES)
    first = (middle - small) / (SIZES[1] - SIZES[0])
    then = (large - middle) / (SIZES[2] - SIZES[1])
    rows = [
        Row(f"call with {size} resources", times[str(size)], "ms", 10 if size == SIZE else None)
        for size in SIZES
    ]
    fuller, longer = _matching(pipeline, bodies[SIZES[1]])
    return [
        *rows,
        Row("each further resource, 50 to 500", first * 1000, "us"),
        Row("each further resource, 500 to 5000", then * 1000, "us"),
        Row("the latter / the former", then / first, "x", 2, note="1 = linear, 10 = square"),
        Row(f"matching, value sets {FULLER} times as full", fuller, "x", 1.5),
        Row(f"matching / the same with {SHORT} codes a set", longer, "x", 1.3),
    ]


def _matching(pipeline: Pipeline, body: bytes) -> tuple[float, float]:
    """Matching with many more codes / matching as it is; that / matching with short lists."""
    service, now = pipeline.service_for("patient-view"), datetime.now(UTC)
    chart = pipeline.facts(parse_request(parse_body(body), service.hook), now)[0].chart
    requirements = pipeline.content.requirements.values()
    fuller = ChartIndex.of(_with_codes(r, more_codes(r.main.codes)) for r in requirements)
    short = ChartIndex.of(_with_codes(r, few_codes(r.main.codes)) for r in requirements)
    times = cpu_ms(
        {
            "now": lambda: pipeline.index.match(chart, now),
            "full": lambda: fuller.match(chart, now),
            "short": lambda: short.match(chart, now),
        }
    )
    return times["full"] / times["now"], times["now"] / times["short"]


def _with_codes(requirement: Requirement, codes: CodeSet) -> Requirement:
    wider = replace(requirement.main, codes=codes)
    return replace(requirement, filters=(wider, *requirement.filters[1:]))


def more_codes(codes: CodeSet) -> CodeSet:
    """Every code and so many more beside it."""
    more = {(system, f"{code}-{number}") for system, code in codes for number in range(FULLER)}
    return CodeSet(codes | more, codes.prefixes, codes.excluded)


def few_codes(codes: CodeSet) -> CodeSet:
    """So many codes, and no category of ICD: lists as they were in version 0.1.0."""
    return CodeSet(sorted(codes)[:SHORT])
