"""Writes ``report.html``: the figures of ``report.json`` as plots and tables, in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cds_service.authoring.replay.files import new_file
from cds_service.authoring.replay.groups import read_groups
from cds_service.authoring.replay.plots import Plotter
from cds_service.authoring.replay.report_json import wilson

TEMPLATE = "report.html.jinja"
MAX_SHADE = 0.7
MAX_BARS = 30  # of a plot; the table has the rest
Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; the first cell of a row names it."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report; each plot has a table of the same figures."""

    id: str
    title: str
    text: str
    plots: Sequence[Markup]
    tables: Sequence[Table]


def write_html(path: Path, report: Report, draft: bool) -> None:
    """Writes the report; ``draft`` says so at its top. Raises OSError, ReplayError."""
    folder = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
    text = pages.get_template(TEMPLATE).render(
        report=report,
        draft=draft,
        summary=_summary(report),
        sections=list(_Sections(report).all()),
    )
    with new_file(path) as file:
        file.write(text.encode())


def _summary(report: Report) -> Table:
    people = report["patients"]
    rows = [
        ("People", people),
        ("People with usable answers to the form", _of(report["answeredForm"], people)),
        ("Moment of all calls", report["now"]),
        ("Hook", report["hook"]),
        ("Time", f"{report['seconds']:.1f} s with {report['workers']} workers"),
        ("Speed", f"{report['patientsPerSecondPerCore']:.0f} people a second and core"),
        ("Lines that could not be read", sum(report["unreadable"].values())),
        ("Digest of all evaluations", report["digest"]),
    ]
    return Table("This run", ("", ""), rows)


def _of(number: int, people: int) -> str:
    return f"{number} ({_percent(number / people if people else 0)})"


def _percent(share: float) -> str:
    return f"{share:.1%}"


class _Sections:
    """The sections of one report, in order."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.people: int = report["patients"]
        self.titles: Mapping[str, str] = report["titles"]
        self.plotter = Plotter()

    def all(self) -> Iterator[Section]:
        """Yields the sections."""
        if "changes" in self.report:
            yield self._changes()
        yield self._cards()
        yield self._per_person()
        yield self._pairs()
        yield self._rules()
        yield self._groups("age", "age", read_groups().bands)
        yield self._groups("anatomy", "anatomy", self._names("anatomy"))
        yield self._missing()
        yield self._coverage()
        yield self._not_understood()
        yield self._unreadable()

    def _name(self, one: str) -> str:
        title = self.titles.get(one, "")
        return f"{one} {title}" if title and title != one else one

    def _names(self, kind: str) -> list[str]:
        return sorted({row["group"] for row in self.report["firing"] if row["by"] == kind})

    def _bars(self, title: str, named: Mapping[str, float], unit: str) -> list[Markup]:
        some = dict(list(named.items())[:MAX_BARS])
        if not some:
            return []
        return [self.plotter.bars(title, list(some), {"": list(some.values())}, unit)]

    def _changes(self) -> Section:
        changes = self.report["changes"]
        text = (
            f"Compared with {self.report['against']}: for how many people a card newly speaks with "
            f"{self.report['content']}, and for how many it falls silent."
        )
        series = {
            "newly speaks": [row["speaks"] for row in changes],
            "falls silent": [row["silent"] for row in changes],
        }
        names = [self._name(row["card"]) for row in changes]
        title = "Cards that change"
        plots = [self.plotter.bars(title, names, series, "people")] if changes else []
        heads = ["card", "newly speaks", "falls silent"]
        rows = [[n, r["speaks"], r["silent"]] for n, r in zip(names, changes, strict=True)]
        if any("speaksCases" in row for row in changes):
            heads += ["newly speaks for", "falls silent for"]
            for row, change in zip(rows, changes, strict=True):
                row += [", ".join(change["speaksCases"]), ", ".join(change["silentCases"])]
        return Section("changes", "Changes", text, plots, [Table(title, heads, rows)])

    def _cards(self) -> Section:
        cards = sorted(self.report["cards"].items(), key=lambda one: -one[1])
        named = {self._name(card): number for card, number in cards}
        rows = [
            (
                name,
                number,
                *map(_percent, (number / max(self.people, 1), *wilson(number, self.people))),
            )
            for name, number in named.items()
        ]
        title = "People for whom each card is shown"
        heads = ("card", "people", "share", "95 % from", "to")
        text = "A card counts once for a person, as the hook would show it, cap and order included."
        plots = self._bars(title, named, "people")
        return Section("cards", "Cards", text, plots, [Table(title, heads, rows)])

    def _per_person(self) -> Section:
        counts = dict(sorted(self.report["cardsPerPerson"].items(), key=lambda one: int(one[0])))
        title = "Cards per person"
        rows = [(n, people, _percent(people / max(self.people, 1))) for n, people in counts.items()]
        text = f"Of {self.people} people, how many would see no card, one card, two."
        plots = self._bars(title, counts, "people")
        table = Table(title, ("cards", "people", "share"), rows)
        return Section("per-person", title, text, plots, [table])

    def _pairs(self) -> Section:
        pairs = {(one, other): number for one, other, number in self.report["coFiring"]}
        cards = [card for card in self.report["cards"] if any(card in pair for pair in pairs)]
        both = {**pairs, **{(other, one): number for (one, other), number in pairs.items()}}
        most = max(both.values(), default=1)
        cells = {pair: (_shade(number / most), str(number)) for pair, number in both.items()}
        title = "People for whom two cards are shown together"
        plots = [self.plotter.grid(title, cards, cards, cells)] if cards else []
        rows = [
            (self._name(one), *(both.get((one, other), "") for other in cards)) for one in cards
        ]
        table = Table(title, ("card", *cards), rows)
        return Section("together", "Cards shown together", f"{title}.", plots, [table])

    def _rules(self) -> Section:
        rows = [row for row in self.report["firing"] if row["by"] == "all"]
        labels = [self._name(row["rule"]) for row in rows]
        title = "Firing rate of each rule, with its 95 % interval"
        shares = [(row["share"], row["low"], row["high"]) for row in rows]
        plots = [self.plotter.intervals(title, labels, shares)] if rows else []
        heads = ("rule", "yes", "unknown", "people", "rate", "95 % from", "to")
        table = [
            (
                *(label, r["yes"], r["unknown"], r["people"]),
                *map(_percent, (r["share"], r["low"], r["high"])),
            )
            for label, r in zip(labels, rows, strict=True)
        ]
        text = (
            "The share of all people for whom a rule is true; unknown counts as not true. "
            "Intervals are Wilson's. Most people sent no answers to the form, so most rules are "
            "unknown or false for them."
        )
        return Section("rules", "Rules", text, plots, [Table(title, heads, table)])

    def _groups(self, kind: str, word: str, groups: Sequence[str]) -> Section:
        rows = [row for row in self.report["firing"] if row["by"] == kind]
        there = [group for group in groups if any(row["group"] == group for row in rows)]
        found = {(self._name(row["rule"]), row["group"]): row for row in rows}
        rules = list(dict.fromkeys(name for name, _ in found))
        most = max((row["share"] for row in rows), default=0) or 1
        cells = {
            key: (_shade(row["share"] / most), _percent(row["share"]) if row["yes"] else "")
            for key, row in found.items()
        }
        title = f"Firing rate of each rule by {word}"
        plots = [self.plotter.grid(title, rules, there, cells)] if rules else []
        table = [(rule, *(_cell(found.get((rule, group))) for group in there)) for rule in rules]
        people = {row["group"]: row["people"] for row in rows}
        heads = ("rule", *(f"{group} (n = {people[group]})" for group in there))
        text = f"{title}: yes of all people of the group, with the 95 % interval."
        return Section(f"by-{kind}", f"Rules by {word}", text, plots, [Table(title, heads, table)])

    def _missing(self) -> Section:
        missing = self.report["missing"]
        named = {f"{row['item']} {row['label']}": row["alone"] for row in missing}
        title = "Open questions that alone keep a rule unknown"
        rows = [(f"{r['item']} {r['label']}", r["alone"], r["withOthers"]) for r in missing]
        heads = ("question", "rules of people, alone", "with other open questions")
        text = (
            "Of people who answered the form: a rule of a person is counted with a question when "
            "the rule is unknown, reads the question, and the question was left open."
        )
        plots = self._bars(title, named, "rules of people")
        return Section("missing", "Missing answers", text, plots, [Table(title, heads, rows)])

    def _coverage(self) -> Section:
        coverage = self.report["coverage"]
        concepts: dict[str, list[int]] = {}
        for row in coverage:
            sums = concepts.setdefault(row["valueSet"], [0, 0])
            sums[0] += row["recognised"]
            sums[1] += row["lookAlike"]
        title = "Codings by concept: recognised, and unrecognised that look alike"
        columns = list(zip(*concepts.values(), strict=True)) or [(), ()]
        series = dict(zip(("recognised", "look alike, not recognised"), columns, strict=True))
        plots = [self.plotter.bars(title, list(concepts), series, "codings")] if concepts else []
        by_concept = [
            (r["valueSet"], r["system"], r["recognised"], r["lookAlike"]) for r in coverage
        ]
        systems = [(s, c["recognised"], c["unrecognised"]) for s, c in self.report["codes"].items()]
        alike = [
            (
                f"{r['system']} {r['code']}",
                r["display"],
                r["type"],
                ", ".join(r["looksLike"]),
                r["count"],
            )
            for r in self.report["lookAlikes"]
        ]
        tables = [
            Table(title, ("value set", "system", "recognised", "look alike"), by_concept),
            Table("By code system", ("system", "recognised", "unrecognised"), systems),
            Table(
                "Codes that look like a concept and are not recognised",
                ("code", "display", "type", "looks like", "codings"),
                alike,
            ),
        ]
        text = (
            "Most of a chart concerns no rule, so most codings are unrecognised and rightly so. "
            "A code that looks like a concept by its words is worth reading: if it belongs there, "
            "map it. Codes that fewer than five people have are not told."
        )
        return Section("coverage", "Chart coverage", text, plots, tables)

    def _not_understood(self) -> Section:
        rows = [(r["type"], r["reason"], r["count"]) for r in self.report["notUnderstood"]]
        named = {f"{kind}: {why}": count for kind, why, count in rows}
        title = "Entries of charts that were not understood"
        text = "Each is said on the cards of its person; none counts as absent."
        errors = [(text, count) for text, count in self.report["ruleErrors"].items()]
        refused = [(why, count) for why, count in self.report["notAnswered"].items()]
        tables = [
            Table(title, ("type", "reason", "entries"), rows),
            Table(
                "People for whom the service would answer with an error",
                ("error", "people"),
                refused,
            ),
            Table("Conditions that could not be evaluated", ("expression", "people"), errors),
        ]
        plots = self._bars(title, named, "entries")
        return Section("not-understood", "Not understood", text, plots, tables)

    def _unreadable(self) -> Section:
        rows = [(r["file"], r["reason"], r["count"]) for r in self.report["unreadableByFile"]]
        not_read = list(self.report["notRead"].items())
        tables = [
            Table("Lines that could not be read", ("file", "reason", "lines"), rows),
            Table("Types that the content does not read", ("type", "resources"), not_read),
        ]
        text = "Nothing of these was evaluated."
        return Section("unreadable", "Not read", text, [], tables)


def _shade(share: float) -> float:
    """The opacity of a cell: rare things can still be told from none, and words can be read."""
    return MAX_SHADE * sqrt(share)


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"{_percent(row['share'])} ({_percent(row['low'])} to {_percent(row['high'])})"
