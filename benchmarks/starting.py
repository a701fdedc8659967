"""How long importing and loading take, each in a process of its own."""

import json
import subprocess
import sys
from statistics import median

from benchmarks.table import Row

SCRIPT = """
import gc, json, time
gc.disable()
began = time.perf_counter()
import cds_service.hooks.routes, cds_service.app.server
import cds_service.settings, cds_service.hooks.pipeline
from cds_service.content import find_root, load_content
imported = time.perf_counter()
content = load_content(find_root())
loaded = time.perf_counter()
cds_service.hooks.pipeline.Pipeline(content, "https://example.org/intake")
print(json.dumps([imported - began, loaded - imported, time.perf_counter() - loaded]))
"""


def start_up(runs: int = 3) -> list[Row]:
    """Medians of a few cold starts."""
    found = [
        json.loads(
            subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True).stdout
        )
        for _ in range(runs)
    ]
    imports, load, prepare = (median(column) for column in zip(*found, strict=True))
    return [
        Row("imports", imports, "s", note="0.9 to 1.6 s when the budgets were set"),
        Row("content read, checked and compiled", load, "s", 1.0),
        Row("call path prepared", prepare, "s"),
    ]
