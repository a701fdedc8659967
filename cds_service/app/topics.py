"""The topics of a process: each content with its pipeline, and the names of all their parts.

The first folder of ``CDS_CONTENT`` is the main topic, at the addresses of a service with one. The
pages and FHIR resources of a further one are below ``/topics/<id>``, its forms beside the others
below ``/forms``, its services in the one list of services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cds_service.content import find_roots
from cds_service.content.model import Content
from cds_service.content.topics import load_topics
from cds_service.decision.form_of_response import FormUrls
from cds_service.decision.topic_names import TopicNames, TopicVisibility
from cds_service.decision.visibility import ContentNames, CurrentVisibility, silent_plans
from cds_service.hooks.discovery import services
from cds_service.hooks.pipeline import Pipeline
from cds_service.settings import Settings, listed


def contents_of(settings: Settings) -> tuple[Content, ...]:
    """The contents that these settings name, the main topic first; raises ContentError with every
    finding, and RuntimeError where one is draft and must not be served."""
    roots = find_roots(settings.content)
    contents = load_topics(roots, settings.site_words, settings.code_maps)
    if not settings.serve_draft and any(content.draft for content in contents):
        raise RuntimeError("the content is draft and CDS_SERVE_DRAFT is off: nothing to serve")
    return contents


def names_of(contents: Sequence[Content]) -> TopicNames:
    """The names by which parts of these contents can be switched off or silent."""
    return TopicNames([ContentNames(content, services(content)) for content in contents])


def silent_names(settings: Settings, contents: Sequence[Content]) -> tuple[str, ...]:
    """The names that the setting or a content itself marks as silent."""
    return (*listed(settings.silent), *_silent_by_content(contents))


def _silent_by_content(contents: Sequence[Content]) -> Iterator[str]:
    for content in contents:
        prefix = f"{content.topic}/" if len(contents) > 1 else ""
        yield from (f"{prefix}{plan}" for plan in silent_plans(content))


def pipelines_of(
    settings: Settings,
    contents: Sequence[Content],
    names: TopicNames,
    visibility: CurrentVisibility,
    make_uuid: Callable[..., str],
) -> tuple[Pipeline, ...]:
    """A pipeline for each content, the main one first; each reads its own forms only."""
    named_so = frozenset(listed(settings.form_canonicals))
    pipelines = []
    for place, content in enumerate(contents):
        others = (other for other in contents if other is not content)
        foreign = frozenset(form.url for other in others for form in other.forms)
        pipelines.append(
            Pipeline(
                content,
                f"{settings.public_base_url}/intake",
                TopicVisibility(names.topics[place], visibility)
                if len(contents) > 1
                else visibility,
                make_uuid,
                FormUrls(frozenset(), foreign | named_so) if place else FormUrls(named_so, foreign),
                f"/topics/{content.topic}" if place else "",
            )
        )
    return tuple(pipelines)


def results_of(results: Path, pipeline: Pipeline) -> Path:
    """The file with what the vignettes of a topic found: of a further one, with its id in the
    name."""
    if not pipeline.topic_path:
        return results
    return results.with_stem(f"{results.stem}-{pipeline.content.topic}")
