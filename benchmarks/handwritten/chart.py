"""What the chart says: names that rest on dataRequirements only."""

from datetime import date, timedelta

from benchmarks.handwritten.kleene import at_least

JOINED = {  # name -> the requirements it joins
    "hysterectomy": ("hysterectomyProcedure", "hysterectomyHistory"),
    "bilateralSalpingoOophorectomy": (
        "bilateralSalpingoOophorectomyProcedure",
        "bilateralSalpingoOophorectomyHistory",
    ),
    "orchiectomy": ("orchiectomyProcedure", "orchiectomyHistory"),
    "prostatectomy": ("prostatectomyProcedure", "prostatectomyHistory"),
    "vaginoplasty": ("vaginoplastyProcedure", "vaginoplastyHistory"),
    "pelvicFloorTherapyWithin90Days": (
        "pelvicFloorTherapyProcedureWithin90Days",
        "pelvicFloorTherapyEncounterWithin90Days",
    ),
    "urologyVisitWithin180Days": (
        "urologyVisitProcedureWithin180Days",
        "urologyVisitEncounterWithin180Days",
    ),
    "medicationReviewWithin180Days": (
        "medicationReviewProcedureWithin180Days",
        "medicationReviewEncounterWithin180Days",
    ),
    "anticholinergic": ("anticholinergicRequest", "anticholinergicStatement"),
    "anticoagulant": ("anticoagulantRequest", "anticoagulantStatement"),
    "antidepressant": ("antidepressantRequest", "antidepressantStatement"),
    "antiestrogen": (
        "antiestrogenRequest",
        "antiestrogenStatement",
        "antiestrogenAdministrationWithin105Days",
        "antiestrogenDispenseWithin105Days",
    ),
    "combinedContraceptive": ("combinedContraceptiveRequest", "combinedContraceptiveStatement"),
    "dryingMedicine": ("dryingMedicineRequest", "dryingMedicineStatement"),
    "ovulationSuppressant": (
        "ovulationSuppressantRequest",
        "ovulationSuppressantStatement",
        "ovulationSuppressantAdministrationWithin105Days",
        "ovulationSuppressantDispenseWithin105Days",
    ),
    "testosterone": ("testosteroneRequest", "testosteroneStatement"),
    "urinaryAntibioticWithin7Days": (
        "urinaryAntibioticRequestWithin7Days",
        "urinaryAntibioticStatementWithin7Days",
    ),
    "vaginalEstrogenWithin84Days": (
        "vaginalEstrogenRequestWithin84Days",
        "vaginalEstrogenStatementWithin84Days",
    ),
    "hormoneTherapy": ("hormoneTherapyRequest", "hormoneTherapyStatement"),
    "pregnancyVisitWithin42Days": (
        "pregnancyVisitReasonWithin42Days",
        "pregnancyVisitTypeWithin42Days",
    ),
    "infectionAntibioticSincePositiveCtng": (
        "infectionAntibioticRequestSincePositiveCtng",
        "infectionAntibioticStatementSincePositiveCtng",
        "infectionAntibioticAdministrationSincePositiveCtng",
        "infectionAntibioticDispenseSincePositiveCtng",
    ),
    "urinaryAntibioticSincePositiveCulture": (
        "urinaryAntibioticRequestSincePositiveCulture",
        "urinaryAntibioticStatementSincePositiveCulture",
        "urinaryAntibioticAdministrationSincePositiveCulture",
        "urinaryAntibioticDispenseSincePositiveCulture",
    ),
    "gastroenterologyVisitSincePositiveTtg": (
        "gastroenterologyVisitProcedureSincePositiveTtg",
        "gastroenterologyVisitEncounterSincePositiveTtg",
    ),
    "gastroenterologyVisitSincePositiveCalprotectin": (
        "gastroenterologyVisitProcedureSincePositiveCalprotectin",
        "gastroenterologyVisitEncounterSincePositiveCalprotectin",
    ),
    "rheumatologyVisitSincePositiveAntiSsa": (
        "rheumatologyVisitProcedureSincePositiveAntiSsa",
        "rheumatologyVisitEncounterSincePositiveAntiSsa",
    ),
    "urinalysisWithin7Days": ("urinalysisResultWithin7Days", "urinalysisReportWithin7Days"),
    "urinalysisWithin30Days": ("urinalysisResultWithin30Days", "urinalysisReportWithin30Days"),
}
RESULTS = ("interpretation", "conclusionCode")
TESTS = (  # each is a result or a report
    *(f"ctngWithin{days}Days" for days in (14, 60, 90, 365)),
    *(f"pregnancyTestWithin{days}Days" for days in (2, 7, 42)),
    "urineCultureWithin14Days",
    "urineCultureWithin30Days",
    "calprotectinWithin180Days",
    "ttgWithin730Days",
    "antiSsaWithin730Days",
)
UCUM = "http://unitsofmeasure.org"
DELIVERIES = (42, 84, 365)


class Codes:
    """The code lists that rules look into, as sets of (system, code)."""

    def __init__(self, value_sets: dict) -> None:
        named = {url.rpartition("/")[2]: codes for url, codes in value_sets.items()}
        self.negative = named["result-negative"]
        self.positive = named["result-positive"]
        self.pregnant = named["pregnancy-status-pregnant"]


def with_tests(lists: dict) -> dict:
    """The chart's lists, and for each test its results and reports in one."""
    found = dict(lists)
    for name in TESTS:
        test, _, days = name.partition("Within")
        found[name] = lists[f"{test}ResultWithin{days}"] + lists[f"{test}ReportWithin{days}"]
    return found


def add_chart(person, lists: dict, codes: Codes, today: date) -> None:
    for name, parts in JOINED.items():
        setattr(person, name, any(lists[part] for part in parts))
    births = [r.get("valueDateTime") for r in lists["obstetricDeliveryDate"]]
    for days in DELIVERIES:
        edge = (today - timedelta(days=days + 1)).isoformat()
        since = any(after(born, edge) for born in births)
        found = lists[f"deliveryProcedureWithin{days}Days"]
        found = found or lists[f"deliveryConditionWithin{days}Days"] or since
        setattr(person, f"deliveryWithin{days}Days", bool(found))
    _add_results(person, lists, codes)
    _add_vital_signs(person, lists)
    _add_pregnancy(person, lists, codes, today, births)


def _add_results(person, lists: dict, codes: Codes) -> None:
    negative, positive = codes.negative, codes.positive
    hcg = lists["pregnancyTestWithin2Days"]
    person.pregnancyTestNegativeWithin2Days = any_in(hcg, negative)
    hcg = lists["pregnancyTestWithin7Days"]
    person.pregnancyTestNegativeWithin7Days = any_in(hcg, negative)
    hcg = lists["pregnancyTestWithin42Days"]
    person.pregnancyTestPositiveWithin42Days = any_in(hcg, positive)
    person.ctngPositiveWithin60Days = any_in(lists["ctngWithin60Days"], positive)
    person.ctngPositiveWithin365Days = any_in(lists["ctngWithin365Days"], positive)
    person.ctngNegativeWithin90Days = any_in(lists["ctngWithin90Days"], negative)
    culture = lists["urineCultureWithin14Days"]
    person.urineCulturePositiveWithin14Days = any_in(culture, positive)
    person.ttgPositiveWithin730Days = any_in(lists["ttgWithin730Days"], positive)
    calprotectin = lists["calprotectinWithin180Days"]
    person.calprotectinPositiveWithin180Days = any_in(calprotectin, positive)
    person.antiSsaPositiveWithin730Days = any_in(lists["antiSsaWithin730Days"], positive)
    culture = lists["urineCultureWithin30Days"]
    person.urineCultureNegativeWithin30Days = any_in(culture, negative)
    person.urineCulturePositiveWithin30Days = any_in(culture, positive)


def _add_vital_signs(person, lists: dict) -> None:
    heat = _first(lists["bodyTemperature"]).get("valueQuantity", {})
    person.temperature = _number(heat, "Cel", "[degF]")
    person.hot = at_least(person.temperature, 38 if heat.get("code") == "Cel" else 100.4)
    pressure = _first(lists["systolicReading"]).get("valueQuantity", {})
    person.systolic = _number(pressure, "mm[Hg]")
    breath = _first(lists["respirationReading"]).get("valueQuantity", {})
    person.respiratoryRate = _number(breath, "/min")


def _number(quantity: dict, *units: str) -> float | None:
    """The exact number in one of the units."""
    exact = quantity.get("code") in units and quantity.get("system") == UCUM
    exact = exact and "comparator" not in quantity
    return quantity.get("value") if exact else None


def _add_pregnancy(person, lists: dict, codes: Codes, today: date, births: list) -> None:
    recent, status = lists["pregnancyConditionWithin294Days"], _first(lists["pregnancyStatus"])
    start, told = _begun(_first(recent)), status.get("effectiveDateTime")
    ends = [*births, *(_begun(c) for c in lists["deliveryCondition"])]
    for procedure in lists["deliveryProcedure"]:
        period = procedure.get("performedPeriod", {})
        ends.append(procedure.get("performedDateTime") or period.get("end") or period.get("start"))
    by_problem = any(not _is_over(c) for c in recent)
    by_problem = by_problem and not any(not_before(end, start) for end in ends)
    undated = any(not _is_over(c) and not _begun(c) for c in lists["pregnancyCondition"])
    by_status = is_in(status.get("valueCodeableConcept"), codes.pregnant)
    by_status = by_status and not any(not_before(end, told) for end in ends)
    dues = [r.get("valueDateTime") for r in lists["estimatedDeliveryDate"]]
    overdue = any(_is_overdue(due, start, told, today) for due in dues)
    person.pregnancyStart, person.dueDatePassed = start, overdue
    person.pregnantByProblem, person.pregnantByStatus = by_problem or undated, by_status
    person.pregnantInChart = (by_problem or undated or by_status) and not overdue


def _begun(entry: dict) -> str | None:
    onset = entry.get("onsetDateTime") or entry.get("onsetPeriod", {}).get("start")
    return onset or entry.get("recordedDate")


def _is_overdue(due: str | None, start: str | None, told: str | None, today: date) -> bool:
    """Passed by 2 weeks, and not the date of an earlier pregnancy."""
    if not after((today - timedelta(days=14)).isoformat(), due):
        return False
    earlier = str(date.fromisoformat(told[:10]) - timedelta(days=14)) + told[10:] if told else None
    return not (start or told) or bool(not_before(due, start) or not_before(due, earlier))


def _first(found: list) -> dict:
    return found[0] if found else {}


def _is_over(condition: dict) -> bool:
    return any(key.startswith("abatement") for key in condition)


def any_in(results: list, codes) -> bool:
    """Whether any result has such an interpretation or value."""
    return any(
        any(is_in(one, codes) for key in RESULTS for one in r.get(key, ()))
        or is_in(r.get("valueCodeableConcept"), codes)
        for r in results
    )


def is_in(concept: dict | None, codes) -> bool:
    """Whether a CodeableConcept has a code of the set."""
    found = concept.get("coding", ()) if concept else ()
    return any((c.get("system"), c.get("code")) in codes for c in found)


def not_before(one: str | None, other: str | None) -> bool | None:
    """``one >= other`` for ISO dates in UTC; unknown where one is too coarse to tell."""
    if one is None or other is None:
        return None
    size = min(len(one), len(other))
    if one[:size] != other[:size]:
        return one[:size] > other[:size]
    return True if len(one) == len(other) else None


def after(one: str | None, other: str | None) -> bool:
    """Whether ``one`` is certainly later."""
    return one is not None and other is not None and not_before(other, one) is False
