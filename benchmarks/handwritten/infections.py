"""Causes: ovulation pain, and infection or pain of genital and urinary tract."""

from benchmarks.handwritten.kleene import at_least, at_most, below, both, either, no


def add_ovulation_pain(p, a) -> None:
    """C02, and the bleeding that it explains."""
    menses, lasting, bleed = a.menses, a.lasting, a.bleed
    p.ovulationUnlikely = bool(
        (p.pregnant or p.postmenopausal or p.ovulationSuppressant)
        or (a.meds("hormbc") or p.iudInPlace or a.preg("could") or a.preg("unsure"))
    )
    p.C02 = both(
        p.hasOvary is not False,
        either(menses("regular"), menses("irregular")),
        a.trigger("midcycle"),
        either(lasting("minutes"), lasting("hours"), lasting("days2")),
        at_most(a.sev, 6),
        not p.CRIT,
        p.fever is not True,
        a.genital("vagdisch") is not True,
        not p.ovulationUnlikely,
    )
    unexplained = both(bleed("between"), p.C02 is not True)
    p.abnormalBleeding = either(bleed("aftersex"), unexplained)


def add_infections(p, a, age: int | None, lists: dict) -> None:
    """C23 and C24."""
    genital, risk, where = a.genital, a.stirisk, a.where
    p.cervicalBleeding = bleeding = both(
        p.abnormalBleeding,
        p.hasCervix is not False,
        p.RF15 is not True,
        p.pregnant is not True,
    )
    _add_patterns(p, a, age)
    p.pidStrongSupport = either(
        genital("vagdisch"),
        p.fever,
        p.ctngPositiveWithin60Days,
        risk("partnersti"),
        bool(lists["iudInsertionWithin21Days"]),
        bool(lists["uterineProcedureWithin42Days"]),
    )
    p.pidWeakSupport = either(
        bleeding,
        both(
            below(age, 25),
            p.partnered is not False,
            p.acute,
            not p.ctngNegativeWithin90Days,
            either(
                a.sev is None or a.sev >= 4,
                a.when("other"),
                a.lasting("longer"),
                a.lasting("constant"),
            ),
        ),
        p.stiRisk,
    )
    p.C24 = both(
        p.hasUterus is not False or p.hasOvary is not False,
        either(
            p.deepPain,
            a.rfgen("severe"),
            both(where("bladder"), p.storageSymptoms is not True),
        ),
        either(
            p.pidStrongSupport,
            both(p.pidWeakSupport, either(a.dur("once"), a.dur("lt6w"), a.dur("6w3m"))),
        ),
        p.soloOnly is not True,
        not lists["pidWithin3Days"],
    )
    p.stiSymptoms = either(
        genital("vagdisch"),
        genital("pendisch"),
        genital("sores"),
        bleeding,
        both(where("testis"), either(p.stiRisk, below(age, 35))),
        both(either(p.storageSymptoms, genital("itchburn"), a.penis("ejacpain")), p.stiRisk),
        True in (p.C24, p.urethritisPattern, p.proctitisPattern),
    )
    _add_urgent(p, a, age)
    not_lately = not lists["ctngWithin90Days"]
    screened = bool(lists["ctngWithin365Days"])
    possibly = p.partnered is True or (p.partnered is not False and below(age, 18) is not True)
    p.stiScreeningGap = either(
        both(p.partnered is True, p.hasCervix is not False, below(age, 25), not screened),
        both(possibly, p.stiRisk, not_lately),
    )
    p.C23 = both(
        p.soloOnly is not True,
        either(
            both(
                either(p.stiSymptoms, risk("partnersti"), risk("wanttest")),
                not lists["ctngWithin14Days"],
            ),
            p.stiScreeningGap,
            p.ctngPositiveWithin365Days and not_lately,
        ),
    )


def _add_patterns(p, a, age: int | None) -> None:
    """Urethritis and proctitis."""
    genital, bowel, anus = a.genital, a.bowel, a.where("anus")
    p.urethritisPattern = both(
        p.hasPenis,
        p.partnered,
        below(age, 35),
        p.acute,
        either(a.urine("burn"), both(a.where("glans"), genital("itchburn"))),
    )
    p.proctitisPattern = both(
        anus,
        a.sextype("analrec"),
        p.acute,
        either(bowel("blood"), bowel("perianal"), genital("sores"), p.stiRisk),
    )


def _add_urgent(p, a, age: int | None) -> None:
    """What makes the tests urgent."""
    genital, risk = a.genital, p.stiRisk
    p.stiSignUrgent = either(
        genital("pendisch"),
        genital("sores"),
        both(genital("vagdisch"), either(risk, below(age, 25))),
        p.RF16 is True and p.hasCervix is not False,
        both(a.where("testis"), either(risk, below(age, 35))),
        both(either(p.storageSymptoms, genital("itchburn"), a.penis("ejacpain")), risk),
    )
    p.stiTestsUrgent = either(
        p.stiSignUrgent,
        True in (p.C24, p.urethritisPattern, p.proctitisPattern),
        a.stirisk("partnersti"),
        p.ctngPositiveWithin365Days,
    )


def add_urinary(p, a, lists: dict) -> None:
    """C15, C17, C18 and C19."""
    urine, where, when, penis = a.urine, a.where, a.when, a.penis
    burn, freq, urge, blood = urine("burn"), urine("freq"), urine("urge"), urine("blood")
    flank, fever_source = a.rfgen("flank"), p.RF06 is True
    often = either(freq, urge)
    p.C15 = both(
        p.atLeast6Weeks,
        either(
            urine("fillpain"),
            both(where("bladder"), often),
            both(freq, urge),
            both(when("nextday"), often),
        ),
        not lists["bladderPainSyndrome"],
        not p.urineCulturePositiveWithin30Days,
    )
    under_care = bool(lists["chronicProstatitis"]) and p.urologyVisitWithin180Days
    p.prostateRegionPain = either(
        penis("ejacpain"),
        penis("hemosp"),
        where("perineum"),
        both(where("testis"), p.atLeast6Weeks),
        both(p.hasPenis, either(where("deep"), where("oneside")), p.atLeast6Weeks),
        both(when("orgasm"), p.hasPenis, either(p.atLeast6Weeks, at_least(a.sev, 4))),
    )
    p.C17 = both(
        p.hasProstate is not False,
        p.prostateRegionPain,
        p.RF07 is not True,
        p.RF09 is not True,
        not under_care,
    )
    not_sterile = no(both(p.atLeast6Weeks, p.urineCultureNegativeWithin30Days))
    p.C18 = both(
        p.hasPenis is not True,
        either(burn, blood, flank, both(often, either(p.acute, where("bladder")))),
        not fever_source,
        not_sterile,
    )
    p.C19 = both(p.hasPenis, either(p.storageSymptoms, blood, flank), not fever_source, not_sterile)
