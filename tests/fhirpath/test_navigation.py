"""Steps through resources, by their FHIR types, and through plain dicts, by their keys."""

import copy
from typing import Any

import pytest

from cds_service.fhirpath import FhirDate, compile_expression

from .asking import ask, quantity, refusal

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "gender": "female",
    "birthDate": "1990-05",
    "_birthDate": {
        "extension": [{"url": "http://x/time", "valueDateTime": "1990-05-01T10:00:00Z"}]
    },
    "name": [
        {"use": "official", "given": ["Ann", None], "_given": [None, {"id": "g"}]},
        {"use": "usual", "given": ["Annie"]},
    ],
    "deceasedBoolean": False,
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "Clinic"}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "entry": [
        {"resource": PATIENT},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "o",
                "valueQuantity": quantity(3, "mg"),
            }
        },
        {"resource": {"resourceType": "Observation", "id": "s", "valueString": "text"}},
    ],
}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Patient.name.given", ["Ann", {"id": "g"}, "Annie"]),
        ("name.where(use = 'usual').given", ["Annie"]),
        ("name.given.hasValue()", [False]),
        ("name.given.select(hasValue())", [True, False, True]),
        ("deceased", [False]),
        ("deceased is boolean", [True]),
        ("multipleBirth.ofType(integer) + 1", [3]),
        ("multipleBirth.ofType(boolean)", []),
        ("birthDate", [FhirDate((1990, 5))]),
        ("birthDate is date", [True]),
        ("birthDate is System.Date", [False]),
        ("birthDate.extension('http://x/time').value.exists()", [True]),
        ("contained.name", ["Clinic"]),
        ("contained.ofType(Organization).id", ["o1"]),
        ("gender is code and gender is string", [True]),
        ("gender.as(string)", []),
        ("$this is DomainResource", [True]),
        ("%resource.id = %context.id and %rootResource.id = id", [True]),
        ("children().count() > 5", [True]),
        ("descendants().where($this is HumanName).count()", [2]),
        ("active.type().namespace & '.' & active.type().name", ["FHIR.boolean"]),
    ],
)
def test_a_patient(text: str, answer: list[Any]) -> None:
    assert ask(text, PATIENT) == answer
    assert ask(text.replace("Patient.", ""), PATIENT) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("%b.entry.resource.ofType(Observation).id", ["o", "s"]),
        ("%b.entry.resource.ofType(Patient).gender", ["female"]),
        ("%b.entry.resource.value.ofType(Quantity).unit", ["mg"]),
        ("%b.entry.resource.value.unit", ["mg"]),
        ("%b.entry.resource.where(value is string).id", ["s"]),
        ("%b.entry[0].resource is Patient", [True]),
        ("%b.entry.resource.birthDate", [FhirDate((1990, 5))]),
    ],
)
def test_a_bundle(text: str, answer: list[Any]) -> None:
    assert ask(text, b=BUNDLE) == answer


def test_a_variable_that_is_a_resource_has_its_type() -> None:
    assert ask("%p is Patient and %p.ofType(Patient).exists()", p=PATIENT) == [True]
    assert ask("%list.where($this is Patient).id", list=[PATIENT, BUNDLE]) == ["p1"]


def test_a_resource_inside_a_plain_dict_has_its_type() -> None:
    facts = {"patient": PATIENT}

    assert ask("%facts.patient.birthDate", facts=facts) == [FhirDate((1990, 5))]
    assert ask("%facts.patient.active", facts=facts) == [True]
    assert "gendr" in refusal("%facts.patient.gendr", facts=facts).message
    assert "gendr" in refusal("%facts.patient.gendr and true", facts=facts).message


def test_a_plain_dict_is_walked_by_its_keys() -> None:
    answers = {"urine": {"burn": True, "freq": False}, "sev": 5, "list": [{"x": 1}, {"x": 2}]}

    assert ask("%answers.urine.burn", answers=answers) == [True]
    assert ask("%answers.urine.freq or %answers.urine.urge", answers=answers) == []
    assert ask("%answers.nothing.at.all", answers=answers) == []
    assert ask("%answers.sev is Integer", answers=answers) == [True]
    assert ask("%answers.list.x", answers=answers) == [1, 2]
    assert "no element" in refusal("%answers.sev.x", answers=answers).message


def test_an_unknown_element_is_a_mistake_not_an_absence() -> None:
    error = refusal("name.givn", PATIENT)

    assert (error.message, error.position) == ("HumanName has no element 'givn'", 5)
    assert error.hint == "did you mean given?"
    assert refusal("Patient.gender", {"resourceType": "PlanDefinition"}).position == 0


def test_a_typed_choice_is_asked_for_by_its_type() -> None:
    error = refusal("Patient.deceasedBoolean")

    assert error.hint == "write deceased.ofType(boolean)"


def test_types_are_checked_before_any_data() -> None:
    with pytest.raises(ValueError, match="Observation has no element 'valu'"):
        compile_expression("Observation.where(id = 'x').valu")
    with pytest.raises(ValueError, match="Period has no element 'unit'"):
        compile_expression("(%o.value as Period).unit")
    with pytest.raises(ValueError, match="unknown type Pateint"):
        compile_expression("%p is Pateint")


def test_order_is_not_asked_of_children() -> None:
    assert "order" in refusal("Patient.children().first()").message
    assert "order" in refusal("Patient.descendants()[0]").message


def test_nothing_given_is_changed() -> None:
    patient, bundle = copy.deepcopy(PATIENT), copy.deepcopy(BUNDLE)
    compile_expression(
        "descendants() | %b.descendants() | %b.entry.resource.repeat(contained) | name.distinct()"
    ).evaluate(patient, {"b": bundle})

    assert (patient, bundle) == (PATIENT, BUNDLE)


def test_answers_do_not_share_state() -> None:
    rule = compile_expression("true")
    rule.evaluate(None).append("spoilt")

    assert rule.evaluate(None) == [True]


def test_codes_of_a_value_set() -> None:
    sets = {"http://x/vs": frozenset({("http://s", "a"), ("http://s", "b")})}
    coding = {"system": "http://s", "code": "a"}
    rule = compile_expression("%c.code.memberOf('http://x/vs')", value_sets=sets)

    def member(codings: list[dict[str, str]]) -> list[Any]:
        condition = {"resourceType": "Condition", "code": {"coding": codings}}
        return rule.evaluate(None, {"c": condition})

    assert member([coding]) == [True]
    assert member([{"code": "a"}, {"system": "http://t", "code": "a"}]) == [False]
    assert rule.evaluate(None, {"c": []}) == []
    assert compile_expression("%c.memberOf('http://x/vs')", value_sets=sets).evaluate(
        None, {"c": coding}
    ) == [True]


@pytest.mark.parametrize("text", ["%c.memberOf('http://x/v')", "%c.memberOf(%url)"])
def test_a_value_set_must_be_known_at_load(text: str) -> None:
    with pytest.raises(ValueError, match="value set"):
        compile_expression(text, value_sets={"http://x/vs": frozenset()})
    with pytest.raises(ValueError, match="value set"):
        compile_expression(text)
