"""Which organs are present, from the own answer, else from recorded sex and procedures."""

from datetime import date

from benchmarks.handwritten.chart import after
from benchmarks.handwritten.kleene import both, either, no

EXTENSION = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
SYSTEM = "http://terminology.hl7.org/CodeSystem/sex-parameter-for-clinical-use"
TYPICAL = {"female": "female-typical", "male": "male-typical"}


def add_anatomy(person, a, patient: dict, today: date) -> None:
    organs = a.organs
    uterus, unsure = organs("uterus"), organs("notsure")
    known = not organs("decline") and bool(a.given("organs"))
    person.organsKnown = known
    parameters = set(_sex_parameters(patient, today.isoformat()))
    person.sexParameter = next(iter(parameters)) if len(parameters) == 1 else None
    recorded = TYPICAL.get(patient.get("gender"))
    person.sexTypical = person.sexParameter if parameters else recorded
    otherwise = None if unsure is True else False
    person.prostateByAnswers = _prostate_by_answers(organs, otherwise)
    _add_pointers(person, a)
    if known:
        _from_answer(person, organs, uterus, otherwise)
    elif person.sexTypical == "female-typical":
        _female_typical(person)
    elif person.sexTypical == "male-typical":
        _male_typical(person)
    else:
        person.hasUterus = person.hasOvary = person.hasNeovagina = person.hasVagina = None
        person.hasPenis = person.hasTestis = person.hasCervix = person.hasProstate = None


def _sex_parameters(patient: dict, today: str):
    for outer in patient.get("extension", ()):
        if outer.get("url") == EXTENSION and _is_in_force(outer, today):
            for inner in outer.get("extension", ()):
                if inner.get("url") == "value":
                    for coding in inner.get("valueCodeableConcept", {}).get("coding", ()):
                        if coding.get("system") == SYSTEM:
                            yield coding.get("code")


def _is_in_force(parameter: dict, today: str) -> bool:
    periods = [one.get("valuePeriod", {}) for one in parameter.get("extension", ())]
    return not any(after(p.get("start"), today) or after(today, p.get("end")) for p in periods)


def _add_pointers(p, a) -> None:
    """Own answers or chart entries that point to an organ; always yes or no."""
    menses, gyn, bleed, penis = a.menses, a.gyn, a.bleed, a.penis
    dry, entry = a.dry, a.entry
    p.answersPointToVagina = bool(
        (entry("painful") or entry("clamp") or entry("impossible"))
        or (dry("some") or dry("most") or a.where("clitoris"))
    )
    p.answersTellOfPregnancyOrPeriods = bool(
        (a.preg("yes") or a.preg("could") or a.preg("unsure"))
        or (a.postpartum("lt6w") or a.postpartum("6w6m") or a.postpartum("6m12m"))
        or (menses("regular") or menses("irregular") or menses("late"))
        or (menses("suppressed") or menses("menopause") or menses("surgery"))
    )
    p.answersTellOfPelvicOrgans = bool(
        (gyn("dysmen") or gyn("cpp") or gyn("heavy") or gyn("pressure") or gyn("periodurine"))
        or (bleed("aftersex") or bleed("between") or bleed("postmeno"))
        or (a.rfvag("heavybleed") or a.rfvag("bulge"))
        or a.genital("vagdisch")
    )
    p.answersPointToUterusOrVagina = bool(
        (p.answersTellOfPregnancyOrPeriods or p.answersTellOfPelvicOrgans)
        or (a.sextype("vagrec") or p.pregnantInChart)
        or (a.meds("testosterone") or p.testosterone or p.answersPointToVagina)
    )
    p.answersTellOfPenisSymptoms = bool(
        (a.rfpen("testis") or a.rfpen("snap") or a.rfpen("longerection"))
        or a.rfpen("foreskinstuck")
        or (penis("curve") or penis("lump") or penis("erectpain") or penis("foreskin"))
        or (penis("ejacpain") or penis("hemosp") or penis("ed") or penis("cannotenter"))
    )
    p.answersPointToPenis = bool(
        p.answersTellOfPenisSymptoms
        or (a.where("glans") or a.where("shaft") or a.where("testis"))
        or (a.sextype("penins") or a.genital("pendisch"))
    )


def _from_answer(p, organs, uterus: bool | None, otherwise: bool | None) -> None:
    def own(*codes: str) -> bool | None:
        return either(*(organs(code) for code in codes), otherwise)

    p.hasUterus = (None if p.hysterectomy else True) if uterus else own("uterus")
    p.hasOvary = own("ovary")
    p.hasNeovagina = own("neovagina")
    p.hasVagina = own("vagina", "neovagina")
    p.hasPenis = own("penis", "neopenis")
    p.hasTestis = own("testis")
    p.hasCervix = True if organs("cervix") else None if uterus else own("cervix")
    removed = p.prostatectomy and not organs("prostate")
    p.hasProstate = True if organs("prostate") else False if removed else p.prostateByAnswers


def _prostate_by_answers(organs, otherwise: bool | None) -> bool | None:
    """What the other organs say of a prostate, where it was not ticked."""
    female = either(organs("uterus"), organs("cervix"), organs("ovary"), organs("vagina"))
    if both(female, no(organs("testis"))):
        return otherwise
    implied = organs("penis") or organs("testis") or organs("neovagina")
    return True if implied else either(organs("prostate"), otherwise)


def _female_typical(p) -> None:
    penis = p.answersPointToPenis
    p.hasUterus = not p.hysterectomy
    p.hasOvary = not p.bilateralSalpingoOophorectomy
    p.hasNeovagina = None if p.answersPointToVagina else False
    p.hasVagina = True
    p.hasPenis = None if penis else False
    p.hasTestis = None if penis and not p.orchiectomy else False
    p.hasCervix = None if p.hysterectomy else True
    p.hasProstate = None if penis and not p.prostatectomy else False


def _male_typical(p) -> None:
    uterus, penis = p.answersPointToUterusOrVagina, p.answersPointToPenis
    p.hasUterus = None if uterus and not p.hysterectomy else False
    p.hasOvary = None if uterus and not p.bilateralSalpingoOophorectomy else False
    p.hasNeovagina = True if p.vaginoplasty else None if p.answersPointToVagina else False
    p.hasVagina = True if p.vaginoplasty else None if uterus else False
    p.hasPenis = (None if penis else False) if p.vaginoplasty else True
    p.hasTestis = not p.orchiectomy
    p.hasCervix = None if uterus else False
    p.hasProstate = not p.prostatectomy
