"""Bad content is always a finding that names the file and the place, and is never served.

Each test copies the content folders, breaks one thing, and reads the findings.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, settings_in

from cds_service import create_app
from cds_service.content import Content, ContentError, Finding, find_root, load_content
from cds_service.content.codes import has_valid_check_digit, normalise
from cds_service.content.reader import CANONICAL_BASE, FOLDERS

CAUSE = "plan_definitions/causes/urinary-infection-no-penis.json"
CARD = "plan_definitions/cards/urine-testing.json"
STRATEGY = "plan_definitions/dyspareunia-workup.json"
FLAGS = "plan_definitions/red-flags.json"
FACTS = "libraries/dyspareunia-facts.json"
FORM = "questionnaires/dyspareunia-intake.json"
ORDER = "activity_definitions/urine-culture.json"
SET = "value_sets/endometriosis.json"

Document = dict[str, Any]
Edit = Callable[[Document], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the content folders."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def edit(folder: Path, file: str, change: Edit) -> None:
    path = folder / file
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def findings(folder: Path) -> tuple[Finding, ...]:
    with pytest.raises(ContentError) as caught:
        load_content(folder)
    return caught.value.findings


def item(document: Document, link_id: str) -> Document:
    return next(i for i in document["item"] if i["linkId"] == link_id)


def variable(document: Document, name: str) -> Document:
    return next(
        e["valueExpression"]
        for e in document["extension"]
        if e.get("valueExpression", {}).get("name") == name
    )


def dated(document: Document) -> Document:
    """The first chart fact that looks back."""
    return next(d for d in document["dataRequirement"] if "dateFilter" in d)


def look_back(**changes: Any) -> Edit:
    return lambda d: dated(d)["dateFilter"][0]["valueDuration"].update(changes)


def second_look_back(document: Document) -> None:
    dates = dated(document)["dateFilter"]
    dates.append(dates[0])


def unextended(extension: str) -> Edit:
    """Takes an extension of ours out."""

    def change(document: Document) -> None:
        found = [e for e in document["extension"] if e["url"].rpartition("/")[2] == extension]
        document["extension"].remove(found[0])

    return change


def mistyped_cause(document: Document) -> None:
    document["action"][0]["action"][0]["action"][-1]["definitionCanonical"] += "-x"


def third_level(document: Document) -> None:
    child = document["action"][0]["action"][0]
    child["action"] = [{**child, "id": "deeper"}]


def named(document: Document, name: str, expression: str) -> None:
    """Adds a named expression that something refers to: itself, by the first fact."""
    document["extension"].append(
        {
            "url": "http://hl7.org/fhir/StructureDefinition/variable",
            "valueExpression": {
                "name": name,
                "description": "A made-up fact.",
                "language": "text/fhirpath",
                "expression": expression,
            },
        }
    )


def first(document: Document) -> Document:
    """The first action of a plan."""
    return document["action"][0]


def expression(document: Document) -> Document:
    """The expression of the first condition of the first action."""
    return first(document)["condition"][0]["expression"]


def without(key: str) -> Edit:
    return lambda document: document.pop(key)


def put(key: str, value: Any) -> Edit:
    return lambda document: document.update({key: value})


def say(document: Document, text: str) -> None:
    first(document)["title"] = text


# what is broken, file, change, file of the finding, its path, words in it
BROKEN: list[tuple[str, str, Edit, str, str, str]] = [
    # codes
    (
        "wrong-snomed-check-digit",
        SET,
        lambda d: d["compose"]["include"][0]["concept"][0].update(code="129103004"),
        SET,
        "code 129103004",
        "wrong check digit",
    ),
    (
        "wrong-loinc-check-digit",
        "value_sets/body-temperature.json",
        lambda d: d["compose"]["include"][0]["concept"][0].update(code="8310-6"),
        "value_sets/body-temperature.json",
        "code 8310-6",
        "wrong check digit",
    ),
    (
        "code-listed-twice",
        SET,
        lambda d: d["compose"]["include"][0]["concept"].append(
            d["compose"]["include"][0]["concept"][0]
        ),
        SET,
        "code ",
        "is listed twice",
    ),
    (
        "empty-value-set",
        SET,
        lambda d: d["compose"].update(include=[{"system": "http://snomed.info/sct"}]),
        SET,
        "compose",
        "would silently match nothing",
    ),
    (
        "value-set-with-a-filter",
        SET,
        lambda d: (
            d["compose"]["include"][0].update(
                filter=[{"property": "concept", "op": "is-a", "value": "1"}], concept=None
            )
            or d["compose"]["include"][0].pop("concept")
        ),
        SET,
        "compose",
        "filters cannot be matched offline",
    ),
    (
        "code-of-ours-that-does-not-exist",
        SET,
        lambda d: d["compose"]["include"].append(
            {"system": f"{CANONICAL_BASE}/CodeSystem/chart-concepts", "concept": [{"code": "no"}]}
        ),
        SET,
        "code no",
        "is not in the code system",
    ),
    # expressions
    (
        "typo",
        CAUSE,
        lambda d: expression(d).update(expression="%C18 an %C19"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "",
    ),
    (
        "unknown-variable",
        CAUSE,
        lambda d: expression(d).update(expression="%C18x"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "C18x",
    ),
    (
        "bare-path",
        CAUSE,
        lambda d: expression(d).update(expression="Patient.gender = 'female'"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "",
    ),
    (
        "unknown-question",
        CAUSE,
        lambda d: expression(d).update(expression="%answers.zebra.stripes"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "no item with that linkId",
    ),
    (
        "unknown-option",
        CAUSE,
        lambda d: expression(d).update(expression="%answers.urine.glitter"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "no such option",
    ),
    (
        "unknown-value-set-in-an-expression",
        FACTS,
        lambda d: variable(d, "urineCultureNegativeWithin30Days").update(
            expression="%urineCultureWithin30Days.where("
            f"interpretation.memberOf('{CANONICAL_BASE}/ValueSet/nothing')).exists()"
        ),
        FACTS,
        "variable urineCultureNegativeWithin30Days",
        "",
    ),
    (
        "cycle-of-names",
        FACTS,
        lambda d: (
            variable(d, "acute").update(expression="%fever or %atLeast6Weeks")
            or variable(d, "fever").update(expression="%acute or %fever")
        ),
        "",
        "",
        "fever",
    ),
    (
        "name-used-twice",
        FACTS,
        lambda d: named(d, "fever", "true"),
        FACTS,
        "variable fever",
        "already taken",
    ),
    (
        "unused-fact",
        FACTS,
        lambda d: named(d, "zebra", "%fever"),
        FACTS,
        "variable zebra",
        "is never used",
    ),
    (
        "condition-without-description",
        CAUSE,
        lambda d: expression(d).pop("description"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "needs a description",
    ),
    (
        "fact-without-description",
        FACTS,
        lambda d: variable(d, "fever").pop("description"),
        FACTS,
        "variable fever",
        "needs a description",
    ),
    (
        "another-language",
        CAUSE,
        lambda d: expression(d).update(language="text/cql"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "language must be text/fhirpath",
    ),
    (
        "another-kind-of-condition",
        CAUSE,
        lambda d: first(d)["condition"][0].update(kind="start"),
        CAUSE,
        "action pregnancy-test.condition[0]",
        "only kind applicability",
    ),
    # plans
    (
        "no-condition",
        CAUSE,
        lambda d: first(d).pop("condition"),
        CAUSE,
        "action pregnancy-test",
        "would always apply",
    ),
    (
        "no-reason-line",
        CAUSE,
        lambda d: first(d).pop("textEquivalent"),
        CAUSE,
        "action pregnancy-test",
        "needs textEquivalent",
    ),
    (
        "no-card",
        CAUSE,
        lambda d: first(d).pop("definitionCanonical"),
        CAUSE,
        "action pregnancy-test",
        "needs definitionCanonical",
    ),
    (
        "dangling-card",
        CAUSE,
        lambda d: first(d).update(definitionCanonical=f"{CANONICAL_BASE}/PlanDefinition/nothing"),
        CAUSE,
        "action pregnancy-test",
        "nothing in the content is",
    ),
    (
        "wrong-version-of-a-card",
        CAUSE,
        lambda d: first(d).update(
            definitionCanonical=f"{CANONICAL_BASE}/PlanDefinition/pregnancy-test|9.9.9"
        ),
        CAUSE,
        "action pregnancy-test",
        "|9.9.9",
    ),
    (
        "a-cause-as-a-card",
        CAUSE,
        lambda d: first(d).update(definitionCanonical=f"{CANONICAL_BASE}/PlanDefinition/sti"),
        CAUSE,
        "action pregnancy-test",
        "is not a card plan",
    ),
    (
        "action-id-used-twice",
        CAUSE,
        lambda d: d["action"][1].update(id="pregnancy-test"),
        CAUSE,
        "action pregnancy-test",
        "used twice",
    ),
    (
        "summary-of-140",
        CAUSE,
        lambda d: say(d, "x" * 140),
        CAUSE,
        "action pregnancy-test.title",
        "more than 139",
    ),
    (
        "card-summary-of-140",
        CARD,
        lambda d: say(d, "x" * 140),
        CARD,
        "title",
        "more than 139",
    ),
    (
        "no-citation",
        CAUSE,
        lambda d: d.update(
            relatedArtifact=[a for a in d["relatedArtifact"] if a["type"] == "depends-on"]
        ),
        CAUSE,
        "relatedArtifact",
        "needs at least one citation",
    ),
    (
        "dangling-dependency",
        CAUSE,
        lambda d: d["relatedArtifact"][0].update(resource=f"{CANONICAL_BASE}/Library/nothing"),
        CAUSE,
        "relatedArtifact[0]",
        "nothing is",
    ),
    ("no-usage", CAUSE, without("usage"), CAUSE, "usage", "expected to be wrong"),
    ("no-description", CAUSE, without("description"), CAUSE, "description", "is required"),
    ("no-publisher", CAUSE, without("publisher"), CAUSE, "publisher", "is required"),
    ("draft-not-experimental", CAUSE, put("experimental", False), CAUSE, "experimental", "true"),
    (
        "unknown-override-reason",
        CAUSE,
        lambda d: first(d)["extension"].append(
            {
                "url": f"{CANONICAL_BASE}/StructureDefinition/override-reason",
                "valueCode": "because",
            }
        ),
        CAUSE,
        "action pregnancy-test",
        "'because' is not in the override-reasons",
    ),
    (
        "dangling-order",
        CARD,
        lambda d: first(d)["action"][0].update(
            definitionCanonical=f"{CANONICAL_BASE}/ActivityDefinition/nothing"
        ),
        CARD,
        "action ",
        "nothing in the content is",
    ),
    ("two-cards-in-a-plan", CARD, lambda d: d["action"].append({"id": "x"}), CARD, "action", "one"),
    # wording
    (
        "banned-words",
        CAUSE,
        lambda d: first(d).update(description="Patient denies fever."),
        CAUSE,
        "action[pregnancy-test].description",
        "'denies' must not be written: write does not report",
    ),
    (
        "unfinished-words",
        CAUSE,
        lambda d: first(d).update(description="TODO"),
        CAUSE,
        "action[pregnancy-test].description",
        "is unfinished",
    ),
    (
        "html",
        CAUSE,
        lambda d: first(d).update(description="Look for <b>fever</b>."),
        CAUSE,
        "action[pregnancy-test].description",
        "holds HTML",
    ),
    # orders
    (
        "two-equal-orders",
        ORDER,
        lambda d: d.update(
            code=json.loads((ROOT / "activity_definitions/urine-pregnancy-test.json").read_text())[
                "code"
            ]
        ),
        "activity_definitions/urine-pregnancy-test.json",
        "code",
        f"is the same order as {ORDER}",
    ),
    # the strategy
    (
        "card-without-a-place",
        STRATEGY,
        lambda d: [
            group.update(
                action=[
                    a
                    for a in group["action"]
                    if not a.get("definitionCanonical", "").endswith("/bowel-workup")
                ]
            )
            for moment in d["action"]
            for group in moment["action"]
        ],
        STRATEGY,
        "action",
        "the card bowel-workup has no place",
    ),
    (
        "missing-phrase",
        STRATEGY,
        lambda d: d.update(
            extension=[e for e in d["extension"] if '"and-more"' not in json.dumps(e)]
        ),
        STRATEGY,
        "card-wording",
        "the phrase 'and-more' is missing",
    ),
    (
        "unused-phrase",
        STRATEGY,
        lambda d: d["extension"].append(
            {
                "url": f"{CANONICAL_BASE}/StructureDefinition/card-wording",
                "extension": [
                    {"url": "code", "valueCode": "zebra"},
                    {"url": "text", "valueString": "Zebra"},
                ],
            }
        ),
        STRATEGY,
        "card-wording",
        "the phrase 'zebra' is never used",
    ),
    (
        "no-hook",
        STRATEGY,
        lambda d: first(d).pop("trigger"),
        STRATEGY,
        "action workup",
        "the hook it answers",
    ),
    (
        "no-strategy",
        STRATEGY,
        lambda d: d["type"]["coding"][0].update(code="eca-rule"),
        "plan_definitions",
        "",
        "exactly one PlanDefinition of type workflow-definition",
    ),
    # the form
    (
        "link-id-used-twice",
        FORM,
        lambda d: d["item"].append(item(d, "sev")),
        FORM,
        "item sev",
        "linkId is used twice",
    ),
    (
        "enable-when-target",
        FORM,
        lambda d: item(d, "dryother")["enableWhen"][0].update(question="zebra"),
        FORM,
        "item dryother.enableWhen",
        "there is no item 'zebra'",
    ),
    (
        "enable-when-option",
        FORM,
        lambda d: item(d, "dryother")["enableWhen"][0]["answerCoding"].update(code="zebra"),
        FORM,
        "item dryother.enableWhen",
        "has no option 'zebra'",
    ),
    (
        "no-enable-behavior",
        FORM,
        lambda d: item(d, "dryother").pop("enableBehavior"),
        FORM,
        "item dryother.enableWhen",
        "needs enableBehavior",
    ),
    # what would be read as something else, or not at all
    ("look-back-unit", FACTS, look_back(code="mo"), FACTS, "dataRequirement", "number of h or d"),
    ("look-back-part", FACTS, look_back(value=1.5), FACTS, "dataRequirement", "number of h or d"),
    ("two-look-backs", FACTS, second_look_back, FACTS, "dataRequirement", "one dateFilter at most"),
    ("no-cap", STRATEGY, unextended("card-cap"), STRATEGY, "card-cap", "needs it"),
    ("no-repeats", STRATEGY, unextended("repeat-window"), STRATEGY, "repeat-window", "needs it"),
    ("no-orders", STRATEGY, unextended("order-window"), STRATEGY, "order-window", "needs it"),
    (
        "no-card-for-failures",
        STRATEGY,
        unextended("card-for-failed-rule"),
        STRATEGY,
        "card-for-failed-rule",
        "needs it",
    ),
    ("mistyped-cause", STRATEGY, mistyped_cause, STRATEGY, "action workup", ""),
    ("third-level", FLAGS, third_level, FLAGS, "action", "holds no more actions"),
    # files
    ("not-fhir", CAUSE, put("status", 5), CAUSE, "status", "not valid FHIR R4"),
    ("unknown-element", CAUSE, put("zebra", "x"), CAUSE, "zebra", "not valid FHIR R4"),
    ("wrong-folder", CAUSE, put("resourceType", "Library"), CAUSE, "resourceType", "must be a"),
    ("id-is-not-the-file", CAUSE, put("id", "another"), CAUSE, "id", "must be the file's name"),
    ("url-is-not-the-file", CAUSE, put("url", f"{CANONICAL_BASE}/x"), CAUSE, "url", "must be http"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(
    broken: tuple[str, str, Edit, str, str, str], folder: Path
) -> None:
    _, file, change, in_file, path, words = broken
    edit(folder, file, change)

    found = findings(folder)

    hits = [f for f in found if in_file in f.file and path in f.path and words in f.message]
    assert hits, [str(finding) for finding in found]
    assert all(str(f).startswith(f.file) and f.message for f in found)


@pytest.mark.parametrize(
    ("file", "text", "path"),
    [
        (CAUSE, "{", "line 1"),
        (CAUSE, '{\n"a": zebra\n}', "line 2"),
        (CAUSE, "", "line 1"),
        (CAUSE, "[]", "resourceType"),
        (SET, "null", "resourceType"),
    ],
)
def test_a_file_that_is_no_json_object_is_found(
    file: str, text: str, path: str, folder: Path
) -> None:
    (folder / file).write_text(text)

    assert (file, path) in {(f.file, f.path) for f in findings(folder)}


def test_a_url_used_twice_is_found(folder: Path) -> None:
    shutil.copy(folder / CAUSE, folder / "plan_definitions/cards" / Path(CAUSE).name)

    assert any("already used by" in f.message and f.path == "url" for f in findings(folder))


@pytest.mark.parametrize(
    ("file", "words"),
    [(ORDER, "no card suggests this order"), (SET, "no chart key uses this value set")],
)
def test_what_nothing_refers_to_is_found(file: str, words: str, folder: Path) -> None:
    copy = f"{Path(file).parent}/zebra.json"
    shutil.copy(folder / file, folder / copy)
    kind = json.loads((folder / copy).read_text())["resourceType"]
    edit(folder, copy, put("id", "zebra"))
    edit(folder, copy, put("url", f"{CANONICAL_BASE}/{kind}/zebra"))

    assert (copy, words) in {(f.file, f.message) for f in findings(folder)}


@pytest.mark.parametrize("name", FOLDERS)
def test_an_empty_folder_is_found(name: str, folder: Path) -> None:
    for path in (folder / name).rglob("*.json"):
        path.unlink()

    assert (name, "no JSON file found in this folder") in {
        (f.file, f.message) for f in findings(folder)
    }


@pytest.mark.parametrize("file", [SET, CARD, ORDER, FACTS, FORM, STRATEGY])
def test_a_missing_file_is_found_by_whoever_needs_it(file: str, folder: Path) -> None:
    (folder / file).unlink()

    assert findings(folder)


def test_everything_wrong_is_told_at_once(folder: Path) -> None:
    independent = ["wrong-snomed-check-digit", "no-usage", "banned-words", "enable-when-target"]
    broken = [row for row in BROKEN if row[0] in independent]
    for _, file, change, *_ in broken:
        edit(folder, file, change)

    found = findings(folder)

    assert len(broken) == len(independent)
    for name, _, _, in_file, path, words in broken:
        assert any(in_file in f.file and path in f.path and words in f.message for f in found), name


def test_bad_content_is_never_served(folder: Path) -> None:
    edit(folder, CAUSE, without("usage"))

    with pytest.raises(ContentError, match="1 finding"):
        create_app(settings_in(folder, content=folder))


def test_a_folder_that_holds_no_content_is_named(tmp_path: Path) -> None:
    (tmp_path / "value_sets").mkdir()

    with pytest.raises(ContentError) as caught:
        find_root(tmp_path)

    (finding,) = caught.value.findings
    assert finding.file == str(tmp_path)
    assert "plan_definitions" in finding.message
    assert "value_sets" not in finding.message
    assert "CDS_CONTENT" in finding.message


def test_the_content_of_the_checkout_is_found_without_a_setting() -> None:
    assert find_root() == ROOT


# -- good content --------------------------------------------------------------------------


def test_a_copy_has_the_same_version_and_a_change_another(folder: Path) -> None:
    shutil.copytree(folder, folder / "copy")
    first_version = load_content(folder).version

    same = load_content(folder / "copy").version
    edit(folder, CAUSE, put("description", "Other words."))
    other = load_content(folder).version

    assert same == first_version
    assert other != first_version


def test_a_new_cause_is_one_file(folder: Path) -> None:
    def change(document: Document) -> None:
        document.update(id="new-cause", url=f"{CANONICAL_BASE}/PlanDefinition/new-cause")
        document["identifier"][0]["value"] = "C99"
        variable(document, "C18").update(name="C99", expression="%answers.urine.burn")
        for action in document["action"]:
            action["condition"][0]["expression"]["expression"] = "%C99"

    shutil.copy(folder / CAUSE, folder / "plan_definitions/causes/new-cause.json")
    edit(folder, "plan_definitions/causes/new-cause.json", change)

    found = load_content(folder)

    assert "C99" in {source.id for source in found.sources}
    assert "C99" in {c.source.id for c in found.contributions["urine-testing"]}


def test_contributions_stand_in_rank_order(content: Content) -> None:
    for contributions in content.contributions.values():
        ranks = [(c.rank, c.source.order) for c in contributions]

        assert ranks == sorted(ranks)


def test_every_rule_has_a_source_and_every_source_a_title(content: Content) -> None:
    rules = [source.rule for source in content.sources if source.rule]

    assert len(rules) == len(set(rules))
    assert all(source.title for source in content.sources)


@pytest.mark.parametrize(
    ("system", "code", "valid"),
    [
        ("http://snomed.info/sct", "71315007", True),
        ("http://snomed.info/sct", "71315008", False),
        ("http://snomed.info/sct", "7131500x", False),
        ("http://loinc.org", "8310-5", True),
        ("http://loinc.org", "8310-4", False),
        ("http://loinc.org", "83105", False),
        ("http://loinc.org", "LA15173-0", True),
        ("http://hl7.org/fhir/sid/icd-10-cm", "anything", True),
    ],
)
def test_check_digits(system: str, code: str, valid: bool) -> None:
    assert has_valid_check_digit(system, code) is valid


def test_a_code_has_one_key() -> None:
    assert normalise("http://hl7.org/fhir/sid/icd-10-cm", "n80.9") == (
        "http://hl7.org/fhir/sid/icd-10-cm",
        "N809",
    )
    assert normalise(None, "x") == ("", "x")
