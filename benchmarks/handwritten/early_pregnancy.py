"""Where a pregnancy is, how far, and whether a test is needed."""

from datetime import date, timedelta

from benchmarks.handwritten.chart import not_before
from benchmarks.handwritten.kleene import at_least, both, either

DAYS_LEFT_AT_14_WEEKS = 182


def add_early_pregnancy(p, a, lists: dict, today: date) -> None:
    dues = [r["valueDateTime"] for r in lists["estimatedDeliveryDate"] if "valueDateTime" in r]
    edge = (today + timedelta(days=DAYS_LEFT_AT_14_WEEKS)).isoformat()
    near = any(not_before(edge, due) is True for due in dues)
    p.atLeast14Weeks = near if dues and not p.dueDatePassed else None
    p.pregnancySeenInUterus = bool(lists["pregnancyInUterusOnImagingWithin280Days"]) and not _ended(
        lists, "SinceSeenInUterus"
    )
    p.endedSincePositiveTest = _ended(lists, "SincePositiveTest")
    p.siteUnknown = not p.pregnancySeenInUterus and p.atLeast14Weeks is not True
    bleeds = either(a.bleed("aftersex"), a.bleed("between"))
    painful = both(p.deepPain, at_least(a.sev, 4))
    p.earlyPregnancySign = both(p.siteUnknown, either(bleeds, painful))


def add_pregnancy_test(p, a) -> None:
    """RES_HCG, and whether a pregnancy test is recent enough or wanted."""
    rfgen, preg, late = a.rfgen, a.preg, a.menses("late")
    changed = both(p.acute, either(p.deepPain, p.abnormalBleeding))
    fresh = p.pregnancyTestNegativeWithin7Days and changed is not True and late is not True
    p.pregnancyTestRecentEnough = p.pregnancyTestNegativeWithin2Days or fresh
    p.pregnancyEmergencySign = both(
        p.pregnancyPossible is not False,
        not p.pregnancyTestNegativeWithin2Days,
        either(rfgen("severe"), rfgen("faint"), a.rfvag("heavybleed")),
    )
    p.pregnancyQuestion = either(
        preg("could"),
        preg("unsure"),
        late,
        a.rfvag("bulge"),
        both(p.acute, p.deepPain, at_least(a.sev, 7)),
        p.abnormalBleeding is True,
    )
    p.RESHCG = both(
        p.pregnant,
        p.pregnancyTestPositiveWithin42Days,
        p.siteUnknown,
        not p.endedSincePositiveTest,
        p.RF01 is not True,
    )


def _ended(lists: dict, since: str) -> bool:
    kinds = ("deliveryProcedure", "deliveryCondition", "uterineProcedure")
    return any(lists[kind + since] for kind in kinds)
