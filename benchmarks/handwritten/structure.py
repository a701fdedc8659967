"""Causes that have a place: pelvis, bowel and penis."""

from benchmarks.handwritten.kleene import at_least_of, both, either


def add_structural(p, a, lists: dict) -> None:
    """C03P, C13, C14, C16, C16K, C20, C21, C22, C27 and C28."""
    where, gyn, bowel, calm = a.where, a.gyn, a.bowel, not p.CRIT
    uterus, ovary = p.hasUterus is not False, p.hasOvary is not False
    not_pregnant, deep = p.pregnant is not True, p.deepPain
    heavy, pressure = gyn("heavy"), gyn("pressure")
    p.C13 = both(
        uterus,
        either(
            both(heavy, either(pressure, deep)),
            both(pressure, deep),
            both(bool(lists["uterineFibroids"]), either(deep, pressure, heavy)),
        ),
        not_pregnant,
        not lists["noFibroidsOnImagingWithin365Days"],
    )
    normal = bool(lists["normalOvariesOnImagingWithin90Days"]) and p.acute is not True
    p.C14 = both(
        ovary,
        either(both(where("oneside"), p.C02 is not True), both(bool(lists["ovarianCyst"]), deep)),
        not normal,
    )
    signs = (
        both(deep, p.atLeast6Weeks),
        gyn("dysmen"),
        gyn("cpp"),
        bowel("periodbm"),
        gyn("periodurine"),
    )
    history = either(gyn("infert"), gyn("famendo"))
    known = bool(lists["endometriosis"])
    p.twoEndometriosisFeatures = at_least_of(2, signs)
    deep_for_weeks, *linked = signs
    p.C16 = both(
        uterus or ovary,
        either(*linked, both(deep_for_weeks, history)),
        not_pregnant,
        not known,
    )
    p.C16K = both(known, deep, not_pregnant)
    tilted = bool(lists["retrovertedUterus"] or lists["retrovertedUterusOnImaging"])
    p.C20 = both(uterus, a.trigger("deep"), tilted, calm)
    p.deepPainExplained = True in (p.C02, p.C13, p.C14, p.C16, p.C16K, p.C24)
    _add_bowel(p, a, lists)
    _add_penis(p, a, calm)
    p.C27 = both(where("anus"), calm)
    p.C28 = both(where("groin"), calm)


def _add_bowel(p, a, lists: dict) -> None:
    bowel, diseased = a.bowel, either(p.genitalChange, a.where("anus"))
    tissue = bool(lists["ttgWithin730Days"])
    p.C21 = either(
        both(
            bowel("crampbm"),
            either(bowel("diarrhea"), bowel("constip"), bowel("bloat")),
            p.atLeast3Months,
            not (tissue and lists["calprotectinWithin180Days"]),
        ),
        both(bowel("wheat"), not tissue),
        p.RF22,
        both(bool(lists["inflammatoryBowelDisease"]), diseased),
    )


def _add_penis(p, a, calm: bool) -> None:
    penis, where, has_penis = a.penis, a.where, p.hasPenis is not False
    p.C22 = both(
        has_penis,
        either(penis("curve"), penis("lump"), both(penis("erectpain"), where("shaft"))),
        p.RF10 is not True,
        not p.urologyVisitWithin180Days,
    )
    p.C03P = both(has_penis, either(where("glans"), penis("foreskin")), calm)
