"""Derived facts."""

from benchmarks.handwritten.kleene import at_least, both, either, no

EMERGENCIES = (
    *("severe", "faint", "fever", "nopee", "vomit", "flank", "saddle"),
    *("chesthead", "spread", "bleedon", "object", "leg"),
)
DEEP_PLACES = (
    *("deep", "oneside", "bladder", "testis", "perineum"),
    *("shaft", "anus", "groin", "unsure"),
)


def add_states(p, a, age: int | None, lists: dict) -> None:
    dur, urine, menses = a.dur, a.urine, a.menses
    p.fever = either(a.rfgen("fever"), p.hot)
    p.acute = either(dur("once"), dur("lt6w"))
    p.atLeast6Weeks = either(dur("6w3m"), dur("3m6m"), dur("gt6m"))
    p.atLeast3Months = either(dur("3m6m"), dur("gt6m"))
    p.storageSymptoms = either(urine("burn"), urine("freq"), urine("urge"))
    p.voidingSymptoms = urine("stream")
    p.entryPain = either(
        a.when("entry"),
        a.where("opening"),
        a.trigger("anyentry"),
        a.entry("painful"),
        a.entry("clamp"),
        a.entry("impossible"),
    )
    p.deepPain = either(a.where("deep"), a.where("oneside"), a.trigger("deep"))
    p.postmenopausal = either(
        both(menses("menopause"), age is None or age >= 45),
        bool(lists["menopause"]),
        p.bilateralSalpingoOophorectomy,
        both(
            at_least(age, 56),
            p.hasUterus is not False or p.hasOvary is not False,
            not (menses("regular") or menses("irregular")),
        ),
    )
    visits = bool(
        lists["pregnancyVisitReasonWithin42Days"] or lists["pregnancyVisitTypeWithin42Days"]
    )
    p.pregnant = either(
        a.preg("yes"),
        p.pregnantInChart,
        (p.pregnancyTestPositiveWithin42Days or visits) and not p.deliveryWithin42Days,
    )
    p.pregnancyPossible = both(
        p.hasUterus,
        p.hasOvary is not False,
        p.pregnant is not True,
        p.postmenopausal is not True,
        a.postpartum("lt6w") is not True,
        not p.deliveryWithin42Days,
        age is None or 10 <= age <= 55,
    )
    risk, sex = a.stirisk, a.sextype
    p.stiRisk = either(
        risk("newpartner"),
        risk("multiple"),
        risk("partnerother"),
        risk("partnersti"),
        risk("paststi"),
        risk("exchange"),
    )
    p.partnered = either(sex("vagrec"), sex("analrec"), sex("penins"), sex("oral"))
    p.soloOnly = both(sex("solo"), no(either(p.partnered, sex("handtoy"))))
    p.iudInPlace = either(
        a.meds("iud"),
        bool(lists["iudInsertionSinceRemoval"])
        or (bool(lists["iudInsertion"]) and not lists["iudRemoval"]),
    )
    p.genitalChange = either(a.genital("skin"), a.genital("sores"), a.genital("lump"))
    p.emergencyTicked = either(*(a.rfgen(sign) for sign in EMERGENCIES))
    p.emergencyCouldHide = either(
        either(*(a.where(place) for place in DEEP_PLACES)) is not False,
        a.trigger("deep") is True,
        a.when("other") is True,
        a.lasting("longer"),
        a.lasting("constant"),
    )
