"""Causes of function: muscles, hormones, medicines, pregnancy and the past; and self-care."""

from benchmarks.handwritten.kleene import at_least, at_most, both, either, no


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
        a.rfgen("leg") is not True,
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


def add_deep_pain(p, a) -> None:
    """C03, C07P, and the mild pains that no exam is offered for."""
    when, lasting, deep, mild = a.when, a.lasting, a.trigger("deep"), at_most(a.sev, 3)
    recent = p.atLeast3Months is not True
    p.C07P = both(p.hasPenis is not False, a.penis("cannotenter"), not p.CRIT)
    p.mildOnce = both(
        a.dur("once"),
        mild,
        either(lasting("minutes"), lasting("hours")),
        True not in (when("other"), p.abnormalBleeding, a.genital("vagdisch")),
    )
    otherwise = either(when("entry"), when("during"), when("nextday"), when("other"))
    p.orgasmOnly = both(when("orgasm"), no(otherwise), deep is not True, mild, recent)
    p.semenOnly = both(p.C12 is True, deep is not True, mild, recent)
    p.C03 = both(
        p.hasVagina is not False,
        either(a.where("deep"), deep),
        not p.deepPainExplained,
        True not in (p.pregnant, p.CRIT, p.mildOnce, p.orgasmOnly, p.semenOnly),
    )


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
        either(p.entryPain, a.where("clitoris"), itch, skin),
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
    p.dryingMedicineWithDryness = both(
        vagina,
        is_dry,
        either(p.dryingMedicine, otc, antidep, birth_control, meds("hormblock"), meds("acne")),
    )
    p.entryPainOnContraceptive = both(
        vagina,
        p.entryPain,
        p.atLeast3Months,
        a.onset("acquired"),
        either(p.combinedContraceptive, birth_control),
    )
    p.ejaculationPainOnAntidepressant = both(
        either(a.penis("ejacpain"), both(a.when("orgasm"), p.hasPenis)),
        either(p.antidepressant, antidep),
    )
    p.weakStreamOnAnticholinergic = both(p.voidingSymptoms, either(p.anticholinergic, otc))
    p.C11 = both(
        either(
            p.dryingMedicineWithDryness,
            p.entryPainOnContraceptive,
            p.ejaculationPainOnAntidepressant,
            p.weakStreamOnAnticholinergic,
        ),
        not p.medicationReviewWithin180Days,
    )


def add_self_care(p, a, age: int | None, lists: dict) -> None:
    """C25, and whether an anti-inflammatory medicine may be named."""
    p.C25 = not p.CRIT
    p.bleedingOrBloodReported = either(p.RF15, p.RF16, p.RF17, p.RF22, a.bowel("blood"))
    p.ibuprofenNotNamed = either(
        p.pregnant,
        a.preg("could"),
        a.preg("unsure"),
        a.gyn("infert"),
        p.anticoagulant,
        p.antidepressant,
        a.meds("antidep"),
        bool(lists["inflammatoryBowelDisease"]),
        p.bleedingOrBloodReported,
        a.rfgen("vomit"),
        at_least(age, 65),
    )
