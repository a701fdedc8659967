"""The yardstick of ``make bench`` is honest: it answers every name it has as the content does.

Every rule of a cause or flag must be there. Other names may be added to the content without it:
they are neither compared here nor measured. It knows the intake and the chart alone, so people with
another form, and the rules on such forms, are left to the vignettes.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.handwritten import LEFT_OUT, Codes, rules
from benchmarks.handwritten.chart import DELIVERIES, JOINED
from cds_service.authoring.vignettes import CODED, Vignette, request_for
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_request

TODAY = date(2026, 11, 22)
DAYS = (0, 1, 2, 3, 6, 7, 8, 14, 21, 30, 42, 43, 60, 84, 90, 180, 294, 295, 365, 366, 731)
AGES = (None, 9, 10, 12, 13, 15, 16, 17, 18, 24, 25, 34, 35, 44, 45, 49, 50, 55, 56, 64, 65, 80)
SEX_PARAMETER = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
SEX_SYSTEM = "http://terminology.hl7.org/CodeSystem/sex-parameter-for-clinical-use"
OTHER_FORMS = {"exam-findings", "follow-up"}  # plans on what other forms hold
REMEDY = "Change benchmarks/handwritten as the content, or add the names to its LEFT_OUT."
ENTRIES = {*JOINED, *(f"deliveryWithin{days}Days" for days in DELIVERIES)}


def items(content):
    """linkId -> an answer to it, or None for blank; emergencies are rarer than the rest."""
    found = {}
    for link_id, item in content.questionnaire.items.items():
        one = st.sampled_from(sorted(item.system) or [None])
        if item.kind == "integer":
            found[link_id] = st.none() | st.integers(0, 10)
        elif item.kind == "choice" and item.repeats:
            quiet = st.just(["none"] if "none" in item.system else None)
            some = st.lists(one, min_size=1, max_size=4, unique=True)
            found[link_id] = st.one_of(*[quiet] * (8 if link_id.startswith("rf") else 1), some)
        elif item.kind == "choice":
            found[link_id] = st.none() | one
    return st.fixed_dictionaries(found)


def chart(content):
    """Entries for requirements drawn at random, dated on both sides of every look-back."""
    wanted = [
        (r.type, r.main.value_set.rpartition("/")[2], r.main.path)
        for r in content.requirements.values()
        if r.id not in MEASURED
    ]
    coded = st.builds(
        entry,
        st.sampled_from(wanted),
        st.sampled_from(DAYS),
        st.sampled_from((None, "positive", "negative")),
        st.sampled_from(({}, {}, {"abatementDateTime": "2026-11-01"}, {"status": "cancelled"})),
        st.booleans(),
    )
    measured = st.sampled_from([n for nodes in MEASURED.values() for n in nodes])
    return st.lists(coded, max_size=10).flatmap(
        lambda one: st.lists(measured, max_size=4).map(lambda other: one + other)
    )


def entry(coded, days, result, extra, undated):
    """A chart node as vignettes write it."""
    kind, value_set, path = coded
    node = {"type": kind, "valueSet": value_set, "daysAgo": days, "with": extra}
    if path not in ("medication", CODED.get(kind, "code")):
        node["element"] = path
    if result and kind == "Observation":
        node["result"] = result
    if undated and kind == "Condition":
        node["undated"] = True
    return node


def observation(value_set, hours, **elements):
    return {"type": "Observation", "valueSet": value_set, "hoursAgo": hours, "with": elements}


def quantity(value, code):
    return {"value": value, "code": code, "system": "http://unitsofmeasure.org"}


def pressure(value):
    coding = {"system": "http://loinc.org", "code": "8480-6"}
    return [{"code": {"coding": [coding]}, "valueQuantity": quantity(value, "mm[Hg]")}]


def day(days):
    return {"valueDateTime": (TODAY - timedelta(days=days)).isoformat()}


def status(code):
    return {
        "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    }


MEASURED = {
    "bodyTemperature": [
        observation("body-temperature", hours, valueQuantity=quantity(value, unit))
        for hours in (1, 25)
        for value, unit in ((37.9, "Cel"), (38, "Cel"), (100.4, "[degF]"), (100.3, "[degF]"))
    ],
    "systolicReading": [
        observation("systolic-blood-pressure", hours, valueQuantity=quantity(value, "mm[Hg]"))
        for hours, value in ((2, 89), (4, 100), (2, 101))
    ]
    + [
        observation("blood-pressure-panel", hours, component=pressure(value))
        for hours, value in ((1, 89), (3, 90), (3, 120))
    ],
    "respirationReading": [
        observation("respiratory-rate", 2, valueQuantity=quantity(value, "/min"))
        for value in (21, 22)
    ],
    "pregnancyStatus": [
        observation("pregnancy-status", hours, **status(code))
        for hours, code in ((24, "77386006"), (24, "60001007"), (24 * 100, "77386006"))
    ],
    "estimatedDeliveryDate": [
        observation("estimated-delivery-date", 48, **day(days)) for days in (-30, 13, 14, 15)
    ],
    "obstetricDeliveryDate": [
        observation("obstetric-delivery-date", 48, **day(days)) for days in (41, 42, 43, 85, 365)
    ],
}


def patient(gender, parameter):
    """A sex and, perhaps, the parameter that outranks it."""
    found = {} if gender is None else {"gender": gender}
    if parameter is not None:
        concept = {"coding": [{"system": SEX_SYSTEM, "code": parameter}]}
        inner = [{"url": "value", "valueCodeableConcept": concept}]
        found["extension"] = [{"url": SEX_PARAMETER, "extension": inner}]
    return found


@st.composite
def people(draw, forms, charts):
    """Given facts of a vignette."""
    answers = {k: v for k, v in draw(forms).items() if v is not None}
    given = {
        "answers": answers,
        "blank": "others",
        "answeredHoursAgo": draw(st.sampled_from((0, 0, 100))),
        "chart": draw(charts),
        "patient": draw(
            st.builds(
                patient,
                st.sampled_from((None, "female", "male", "other")),
                st.sampled_from((None, None, "female-typical", "male-typical")),
            )
        ),
    }
    age = draw(st.sampled_from(AGES))
    return given if age is None else {**given, "age": age}


def plain(name, values):
    """An answer as the yardstick gives it: entries as whether there are any, numbers bare."""
    if name in ENTRIES:
        return bool(values)
    if not values:
        return None
    (value,) = values
    if isinstance(value, dict):
        return value["value"]
    return value if isinstance(value, bool | str) else str(value)


@pytest.fixture(scope="module")
def compare(content):
    """Asserts that both answer alike for a vignette; gives the answers."""
    pipeline = Pipeline(content, "https://example.org/intake")
    codes = Codes(content.value_sets)

    def both(vignette, defaults):
        body = request_for(vignette, defaults, content, pipeline.queries)
        _, facts = pipeline.facts(parse_request(body, vignette.hook), vignette.now)
        bindings = content.expressions.bind(facts.variables, vignette.now)
        found = rules(facts.variables, codes, vignette.today)
        names = (found.keys() & content.names.keys()) - LEFT_OUT
        expected = {name: plain(name, bindings[name]) for name in sorted(names)}
        wrong = {name: (v, found[name]) for name, v in expected.items() if found[name] != v}
        assert not wrong, f"{wrong} (content, yardstick). {REMEDY}"
        return expected

    return both


def test_handwritten_rules_agree_on_random_people(content, compare):
    @settings(suppress_health_check=list(HealthCheck))
    @given(people(items(content), chart(content)))
    def agree(given):
        compare(Vignette("random", "random", "random", TODAY, given, {}), {})

    agree()


def test_handwritten_rules_agree_on_every_vignette_and_leave_no_rule_out(
    content, vignettes, compare
):
    answers = {}
    others = content.views.keys() - {content.questionnaire.view}
    for person in (p for p in vignettes.people if others.isdisjoint(p.given)):
        for name, answer in compare(person, vignettes.defaults).items():
            answers.setdefault(name, set()).add(answer)

    sources = [s for s in content.sources if s.plan["id"] not in OTHER_FORMS]
    known = sorted({source.rule for source in sources} & answers.keys())
    assert known == sorted({source.rule for source in sources if source.rule})
    assert [rule for rule in known if len(answers[rule]) == 1] == []
    assert [rule for rule in known if True not in answers[rule]] == []
