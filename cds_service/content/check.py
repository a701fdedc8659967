"""``cds-service check`` after the content has loaded: every vignette, and what they cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from cds_service.content.model import Content
from cds_service.content.vignettes import mismatches, read_vignettes, run
from cds_service.pipeline import Pipeline


def check_vignettes(content: Content, folder: Path, say: Callable[[str], None]) -> int:
    """Runs all vignettes of a folder; returns 1 when any differs from its expectation or a rule
    is never seen to say yes and no."""
    if not folder.is_dir():
        say(f"No vignettes: {folder} is not there.")
        return 0
    vignettes = read_vignettes(folder)
    pipeline = Pipeline(content, "https://example.org/intake")
    seen: dict[str, set[str]] = defaultdict(set)
    wrong = 0
    for vignette in vignettes.people:
        found = run(vignette, vignettes.defaults, pipeline)
        for rule, answer in found.rules.items():
            seen[rule].add(str(answer))
        for problem in mismatches(vignette, found):
            wrong += 1
            say(f"{vignette.file}: {vignette.id} ({vignette.name}): {problem}")
    say(f"{len(vignettes.people)} vignettes, {wrong} mismatches.")
    unseen = [
        f"{rule} is never seen to be {answer}"
        for rule in (s.rule for s in content.sources if s.rule)
        for answer in ("yes", "no")
        if answer not in seen[rule]
    ]
    for words in unseen:
        say(words)
    return 1 if wrong or unseen else 0
