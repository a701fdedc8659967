"""Red flags RF01 to RF35 and LOWBP."""

from benchmarks.handwritten.kleene import at_least, at_most, below, both, either

CRITICAL = [
    "RF01",
    "RF02",
    "RF03",
    "RF04",
    "RF05",
    "RF06",
    "RF07",
    "RF08",
    "RF09",
    "RF10",
    "RF11",
    "RF12",
    "RF18",
    "RF19",
    "RF20",
    "RF25",
    "RF27",
    "RF28",
    "RF29",
    "RF30",
]


def add_flags(p, a, age: int | None, lists: dict) -> None:
    """The flags that make CRIT, and CRIT."""
    _add_pelvic(p, a, lists)
    _add_urinary_and_genital(p, a, age)
    _add_general(p, a, lists)
    found = vars(p)
    p.CRIT = any(found[flag] is True for flag in CRITICAL)


def _add_pelvic(p, a, lists: dict) -> None:
    rfgen, where, sev = a.rfgen, a.where, a.sev
    severe, faint, vomit = rfgen("severe"), rfgen("faint"), rfgen("vomit")
    heavy, bulge = a.rfvag("heavybleed"), a.rfvag("bulge")
    deep, oneside = where("deep"), where("oneside")
    ovary, uterus = p.hasOvary is not False, p.hasUterus is not False
    p.RF01 = both(
        p.pregnant,
        either(
            severe,
            faint,
            heavy,
            bulge,
            both(p.fever, either(a.bleed("aftersex"), a.bleed("between"), p.deepPain)),
        ),
    )
    p.RF02 = both(
        p.pregnancyPossible is not False,
        p.pregnant is not True,
        not p.pregnancyTestNegativeWithin2Days,
        either(severe, faint, heavy),
    )
    strong = sev is None or sev >= 4
    p.vomitingWithPelvicPain = both(
        vomit, either(both(oneside, strong), both(deep, p.acute, sev is None or sev >= 7))
    )
    p.RF03 = both(
        ovary,
        either(
            severe,
            p.vomitingWithPelvicPain,
            both(
                p.anticoagulant,
                p.acute,
                oneside,
                either(at_least(sev, 6), a.lasting("longer"), a.lasting("constant")),
            ),
        ),
    )
    p.upperPainWithoutOvaries = both(
        not ovary,
        either(
            both(vomit, either(oneside, deep), strong),
            both(not uterus, p.fever, either(oneside, deep)),
        ),
    )
    p.RF04 = either(
        both(severe, not ovary),
        both(faint, p.RF01 is not True, p.RF02 is not True),
        p.upperPainWithoutOvaries,
        both(where("groin"), vomit),
    )
    p.RF05 = both(
        p.fever,
        uterus or ovary,
        either(
            deep,
            oneside,
            both(a.trigger("deep"), p.atLeast6Weeks is not True),
            severe,
            a.genital("vagdisch"),
        ),
    )
    p.RF18 = both(
        p.hasVagina is not False,
        either(
            both(bulge, not uterus or p.hysterectomy),
            both(
                either(bool(lists["hysterectomyWithin365Days"]), both(a.surg("lt6m"), not uterus)),
                either(heavy, severe),
            ),
        ),
    )
    p.RF20 = both(
        either(a.postpartum("lt6w"), p.deliveryWithin84Days),
        either(p.fever, heavy, severe, faint),
    )
    known = True in (p.RF01, p.RF02, p.RF18, p.RF20)
    p.RF25 = both(heavy, not known)


def _add_urinary_and_genital(p, a, age: int | None) -> None:
    where, urine, sev = a.where, a.urine, a.sev
    worst, testis = at_least(sev, 7), where("testis")
    p.RF06 = both(p.fever, either(p.storageSymptoms, urine("blood"), a.rfgen("flank")))
    p.RF07 = both(
        p.hasProstate is not False,
        either(
            both(
                p.fever,
                either(
                    p.storageSymptoms,
                    p.voidingSymptoms,
                    where("perineum"),
                    testis,
                    a.penis("ejacpain"),
                ),
            ),
            both(
                p.hasPenis,
                p.acute,
                either(urine("burn"), urine("stream")),
                either(where("bladder"), where("deep"), where("perineum")),
                worst,
            ),
        ),
    )
    p.RF08 = a.rfgen("nopee")
    young = both(below(age, 18), at_least(sev, 4))
    p.RF09 = either(
        a.rfpen("testis"),
        both(
            either(p.hasTestis is not False, p.hasPenis),
            testis,
            either(a.rfgen("vomit"), both(p.acute, either(worst, young))),
        ),
    )
    p.RF10 = either(
        a.rfpen("snap"),
        both(
            p.hasPenis is not False,
            where("shaft"),
            a.dur("once"),
            either(worst, urine("blood")),
        ),
    )
    p.RF11 = either(a.rfpen("longerection"), a.rfpen("foreskinstuck"))


def _add_general(p, a, lists: dict) -> None:
    rfgen = a.rfgen
    low, fast = at_most(p.systolic, 100), at_least(p.respiratoryRate, 22)
    bleed, genital = a.bleed, a.genital
    p.lowPressureSign = either(
        at_least(a.sev, 4),
        either(bleed("aftersex"), bleed("between"), bleed("postmeno")),
        p.pregnant,
        a.postpartum("lt6w"),
        either(rfgen("severe"), rfgen("faint"), rfgen("vomit")),
        either(a.rfvag("heavybleed"), a.rfvag("bulge")),
        genital("vagdisch"),
    )
    p.RF12 = either(
        both(p.fever, either(low, fast)),
        both(low, fast),
        below(p.systolic, 80),
        both(below(p.systolic, 90), p.lowPressureSign),
    )
    p.LOWBP = both(below(p.systolic, 90), p.RF12 is not True)
    p.RF19 = rfgen("saddle")
    p.RF27 = rfgen("chesthead")
    p.RF28 = rfgen("spread")
    p.RF29 = rfgen("bleedon")
    sign = either(p.fever, rfgen("vomit"), rfgen("faint"), a.where("anus"))
    p.RF30 = both(rfgen("object"), sign)


def add_other_flags(p, a, age: int | None, lists: dict) -> None:
    """The flags that need CRIT or abnormal bleeding, and the private ones."""
    rfgen, bowel, unwanted, sev = a.rfgen, a.bowel, a.unwanted, a.sev
    calm = not p.CRIT
    p.RF13 = unwanted("past5d")
    p.RF14 = either(a.safe("no"), a.safe("unsure"), unwanted("past12m"))
    p.RF14P = either(a.safe("inperson"), unwanted("inperson"))
    p.unsafeAtHome = True in (p.RF13, p.RF14, p.RF14P)
    p.RF15 = either(
        a.bleed("postmeno"),
        both(p.postmenopausal, p.abnormalBleeding),
        both(
            at_least(age, 55),
            p.abnormalBleeding,
            p.hasUterus is not False,
            p.pregnant is not True,
        ),
    )
    p.RF16 = both(p.abnormalBleeding, p.RF15 is not True, p.pregnant is not True)
    p.RF17 = a.urine("blood")
    p.RF21 = both(
        at_least(age, 50),
        p.hasOvary is not False,
        bowel("bloat"),
        p.atLeast6Weeks,
        either(p.deepPain, a.when("other"), a.gyn("cpp"), a.gyn("pressure")),
    )
    grave = (bowel("weightloss"), bowel("perianal"))
    p.freshAnalBleeding = both(
        bowel("blood"),
        a.where("anus"),
        p.acute,
        below(age, 40),
        True not in (*grave, bowel("diarrhea")),
        not lists["inflammatoryBowelDisease"],
    )
    p.RF22 = either(*grave, both(bowel("blood"), p.freshAnalBleeding is not True))
    p.RF23 = either(
        below(age, 13),
        both(below(age, 18), either(p.RF13, p.RF14, unwanted("longer"), a.stirisk("exchange"))),
        both(below(age, 16), p.pregnant),
    )
    p.RF24 = either(a.genital("lump"), both(a.genital("sores"), p.atLeast6Weeks))
    p.RF26 = both(p.fever, calm)
    p.RF31 = both(
        p.pregnant,
        calm,
        either(
            at_least(sev, 7),
            a.lasting("longer"),
            a.lasting("constant"),
            both(a.where("oneside"), at_least(sev, 4)),
            rfgen("vomit"),
            rfgen("flank"),
            p.fever,
            p.earlyPregnancySign,
        ),
    )
    p.RF35 = both(rfgen("leg"), calm)
    p.RF32 = both(rfgen("object"), p.RF30 is not True)
    p.RF33 = both(a.rfvag("bulge"), p.pregnant is not True, p.RF18 is not True)
    p.RF34 = both(below(age, 16), p.partnered)
