"""``python -m benchmarks.growth_chart`` measures and draws ``docs/images/growth.svg``: what a call
costs with more chart resources, and with more causes it does not touch."""

import gc
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.causes import pipelines_with
from benchmarks.people import request_of_size
from benchmarks.table import cpu_ms
from cds_service.content import find_root, load_content
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_body

FILE = Path(__file__).parent.parent / "docs" / "images" / "growth.svg"
SIZES = (50, 500, 1000, 2000, 3500, 5000)
EXTRA = (0, 40, 160, 360)
WIDTH, HEIGHT, LEFT, TOP, GAP = 330, 180, 56, 34, 420  # of one picture, and between the two
COLOURS = {"line": "#1f6f78", "text": "#333333", "axis": "#888888"}

Points = dict[float, float]


def main() -> None:
    """Measures both, prints the numbers and writes the picture."""
    pipeline = Pipeline(load_content(find_root()), "https://example.org/intake")
    gc.collect()
    gc.freeze()
    resources = by_resources(pipeline)
    causes = by_causes(pipeline)
    for name, points in (("resources", resources), ("causes", causes)):
        for x, y in points.items():
            print(f"{name:<10}{x:>6.0f}{y:>10.2f} ms")
    FILE.write_text(drawn(resources, causes), encoding="utf-8")
    print(FILE)


def by_resources(pipeline: Pipeline) -> Points:
    """CPU milliseconds of a whole call, by the number of chart resources."""
    service, now = pipeline.service_for("patient-view"), datetime.now(UTC)
    bodies = {n: orjson.dumps(request_of_size(n, pipeline)) for n in SIZES}

    def call(body: bytes) -> bytes:
        return orjson.dumps(pipeline.answer(service, parse_body(body), now).cards)

    times = cpu_ms({str(n): lambda b=body: call(b) for n, body in bodies.items()}, 9)
    return {float(n): times[str(n)] for n in SIZES}


def by_causes(pipeline: Pipeline) -> Points:
    """The same for 50 resources, by the number of causes and flags in the content."""
    body, now = orjson.dumps(request_of_size(50, pipeline)), datetime.now(UTC)
    made = pipelines_with(EXTRA, pipeline.intake_url)

    def call(of: Pipeline) -> object:
        return of.answer(of.service_for("patient-view"), parse_body(body), now)

    times = cpu_ms({str(n): lambda p=p: call(p) for n, p in made.items()}, 15)
    return {float(len(p.content.sources)): times[str(n)] for n, p in made.items()}


def drawn(resources: Points, causes: Points) -> str:
    """Both pictures side by side, as SVG."""
    labelled = (
        "CPU of a call: it grows evenly with chart resources, and hardly with causes it does not "
        "touch"
    )
    size = f'width="{LEFT + GAP + WIDTH + 30}" height="{TOP + HEIGHT + 60}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{labelled}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *_picture(LEFT, resources, "chart resources", "ms of CPU a call"),
        *_picture(LEFT + GAP, causes, "causes and flags, 72 of them real", "ms, 50 resources"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _picture(left: float, points: Points, below: str, title: str) -> list[str]:
    most_x, most_y = max(points), _round_up(max(points.values()))

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x / most_x * WIDTH, TOP + HEIGHT - y / most_y * HEIGHT

    found = [f'<text x="{left}" y="{TOP - 14}" fill="{COLOURS["text"]}">{title}</text>']
    for share in (0, 0.5, 1):
        y = TOP + HEIGHT * (1 - share)
        found.append(
            f'<line x1="{left}" y1="{y}" x2="{left + WIDTH}" y2="{y}" stroke="#dddddd"/>'
            f'<text x="{left - 6}" y="{y + 4}" text-anchor="end" fill="{COLOURS["axis"]}">'
            f"{most_y * share:g}</text>"
        )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in points.items()))
    found.append(
        f'<polyline points="{line}" fill="none" stroke="{COLOURS["line"]}" stroke-width="2"/>'
    )
    for x, y in points.items():
        at_x, at_y = place(x, y)
        found.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="3" fill="{COLOURS["line"]}"/>')
        found.append(
            f'<text x="{at_x:.1f}" y="{at_y - 8:.1f}" text-anchor="middle" '
            f'fill="{COLOURS["text"]}" font-size="11">{y:.1f}</text>'
        )
        if x == most_x or x / most_x > 0.08:
            found.append(
                f'<text x="{at_x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle" '
                f'fill="{COLOURS["axis"]}">{x:.0f}</text>'
            )
    middle = left + WIDTH / 2
    found.append(
        f'<text x="{middle}" y="{TOP + HEIGHT + 40}" text-anchor="middle" '
        f'fill="{COLOURS["text"]}">{below}</text>'
    )
    return found


def _round_up(value: float) -> float:
    step = 10.0 if value > 20 else 2.0
    return step * (int(value / step) + 1)


if __name__ == "__main__":
    main()
