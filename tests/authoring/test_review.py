"""The review pages say what the content says now."""

from __future__ import annotations

import pytest

from cds_service.authoring.review import pages_of, write_pages
from cds_service.authoring.vignettes import Vignettes
from cds_service.content import Content
from tests.support.clinic import ROOT

REVIEW = ROOT / "docs" / "review"


@pytest.fixture(scope="module")
def pages(content: Content, vignettes: Vignettes) -> dict[str, str]:
    return pages_of(content, vignettes.people)


def test_the_pages_in_the_repository_are_current(pages: dict[str, str]) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in REVIEW.glob("*.md")}

    stale = sorted(n for n in pages.keys() | written.keys() if pages.get(n) != written.get(n))
    assert stale == [], "run make review"


def test_every_source_has_a_page_with_its_rule_and_its_evidence(
    content: Content, pages: dict[str, str]
) -> None:
    for source in content.sources:
        page = pages[f"{source.plan['id']}.md"]

        assert "## Evidence" in page
        if source.rule:
            assert content.names[source.rule].expression.text in page
            assert content.names[source.rule].description in page


def test_pages_list_what_is_unverified_and_open(content: Content, pages: dict[str, str]) -> None:
    for plan in {s.plan["id"]: s.plan for s in content.sources}.values():
        for extension in plan.get("extension", ()):
            if extension["url"].endswith(("/open-question", "/unverified-statement")):
                assert extension["valueString"] in pages[f"{plan['id']}.md"]


def test_the_index_names_every_plan(content: Content, pages: dict[str, str]) -> None:
    for source in content.sources:
        assert f"({source.plan['id']}.md)" in pages["README.md"]


def test_writing_removes_pages_of_plans_that_are_gone(
    content: Content, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("review")
    (folder / "gone.md").write_text("old", encoding="utf-8")

    write_pages(content, ROOT / "tests" / "authoring" / "vignettes", folder)

    assert not (folder / "gone.md").exists()
    assert (folder / "README.md").exists()


def test_one_page_can_be_written_alone_and_a_wrong_name_is_said(
    content: Content, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("review")

    written = write_pages(
        content, ROOT / "tests" / "authoring" / "vignettes", folder, ["vaginal-dryness"]
    )

    assert [path.name for path in written] == ["vaginal-dryness.md"]
    with pytest.raises(ValueError, match="no-such-cause"):
        write_pages(content, ROOT / "tests" / "authoring" / "vignettes", folder, ["no-such-cause"])
