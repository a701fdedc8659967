"""Causes of function: muscles, hormones, medicines, pregnancy and the past; and self-care."""

from benchmarks.handwritten.kleene import both, either


def add_functional(p, a, lists: dict) -> None:
    """C01, C04 to C08, C12 and C12A."""
    where, when, trigger, entry, genital = a.where, a.when, a.trigger, a.entry, a.genital
    calm = not p.CRIT
    p.C01 = both(when("orgasm"), p.C17 is not True, calm)
    p.C04 = both(p.pregnant, p.RF01 is not True)
    birth = a.postpartum
    p.C05 = both(
        either(birth("lt6w"), birth("6w6m"), birth("6m12m"), p.deliveryWithin365Days),
        p.RF20 is not True,
    )
    p.C06 = both(
        where("muscle"),
        p.acute,
        either(trigger("awkward"), when("during"), when("after"), when("nextday")),
        calm,
        p.storageSymptoms is not True,
        p.abnormalBleeding is not True,
        not (genital("vagdisch") or genital("pendisch")),
    )
    p.C07 = both(
        p.hasVagina is not False,
        either(
            entry("clamp"),
            entry("impossible"),
            both(entry("painful"), trigger("anyentry"), p.atLeast6Weeks),
        ),
        not p.pelvicFloorTherapyWithin90Days,
    )
    p.C08 = either(
        a.trauma("yes"),
        a.trauma("inperson"),
        a.unwanted("past12m"),
        a.unwanted("longer"),
        bool(lists["ptsd"]),
    )
    semen, itch = trigger("semen"), genital("itchburn")
    p.C12 = both(p.hasUterus is not False, semen, itch is not True, calm)
    p.C12A = both(semen, itch)


def add_hormonal(p, a, lists: dict) -> None:
    """C09, C10, C11 and C26."""
    dry, meds, genital, vagina = a.dry, a.meds, a.genital, p.hasVagina is not False
    some, most = dry("some"), dry("most")
    p.C09 = both(
        vagina,
        either(
            most,
            both(
                some,
                either(
                    p.postmenopausal,
                    p.testosterone,
                    meds("testosterone"),
                    p.antiestrogen,
                    meds("hormblock"),
                    a.breastfeeding("yes"),
                    p.entryPain,
                ),
            ),
        ),
        not p.vaginalEstrogenWithin84Days,
    )
    p.C10 = both(
        vagina,
        either(some, most),
        a.dryother("yes"),
        not lists["sjogrenDisease"],
        not lists["antiSsaWithin730Days"],
    )
    _add_medicines(p, a, vagina, either(some, most))
    itch, skin = genital("itchburn"), genital("skin")
    p.C26 = both(
        vagina,
        either(p.entryPain, itch, skin),
        either(
            itch,
            skin,
            genital("vagdisch"),
            genital("sores"),
            both(p.atLeast3Months, p.C09 is not True),
        ),
    )


def _add_medicines(p, a, vagina: bool, is_dry: bool | None) -> None:
    meds = a.meds
    otc, antidep, birth_control = meds("otcdry"), meds("antidep"), meds("hormbc")
    p.C11 = both(
        either(
            both(
                vagina,
                is_dry,
                either(
                    p.dryingMedicine, otc, antidep, birth_control, meds("hormblock"), meds("acne")
                ),
            ),
            both(
                vagina,
                p.entryPain,
                p.atLeast3Months,
                a.onset("acquired"),
                either(p.combinedContraceptive, birth_control),
            ),
            both(
                either(a.penis("ejacpain"), both(a.when("orgasm"), p.hasPenis)),
                either(p.antidepressant, antidep),
            ),
            both(p.voidingSymptoms, either(p.anticholinergic, otc)),
        ),
        not p.medicationReviewWithin180Days,
    )


def add_self_care(p, a, age: int | None, lists: dict) -> None:
    """C25, and whether pain medicine may be mentioned."""
    p.C25 = not p.CRIT
    p.painMedicineChecksDone = bool(lists["painMedicineReviewWithin30Days"])
    p.painMedicineFoundUnsafe = bool(
        p.pregnant
        or p.pregnancyPossible is not False
        or a.preg("could")
        or a.gyn("infert")
        or p.anticoagulant
        or p.antidepressant
        or a.meds("antidep")
        or (p.RF15 or p.RF16 or p.RF17 or p.RF22 or p.RF25 or p.RF29)
        or lists["inflammatoryBowelDisease"]
        or a.rfgen("vomit")
        or age is None
        or not 18 <= age < 65
    )
