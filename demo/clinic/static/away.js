// Cards that are not shown: settled before, or left for later.

import { el } from "./dom.js";

const KEY = "settled";
const DAY = 86_400_000;

const all = () => JSON.parse(localStorage.getItem(KEY) ?? "{}");
const day = (moment) => new Date(moment).toLocaleDateString("en-GB", { day: "numeric", month: "short" });

/** When this browser saw cards of a person settled: topic -> instant. An EHR knows it from its own record. */
export function settledBefore(patient) {
  return all()[patient] ?? {};
}

/** Remembers that a card was accepted or overridden just now. */
export function noteSettled(patient, card) {
  const at = new Date().toISOString();
  localStorage.setItem(KEY, JSON.stringify({ ...all(), [patient]: { ...settledBefore(patient), [card.source.topic.code]: at } }));
}

/** The line below the cards; `days` is how long a settled card stays away. */
export function drawAway({ settled, deferred, held, days }, when) {
  return [
    settled.length ? details(`${number(settled)} not shown: ${known(settled, when, days)}`, settled.map((card) => `${card.title}: ${dates(card, when, days)}`)) : null,
    deferred.length ? details(`${number(deferred)} left for later: ${deferred.map((card) => card.title).join(", ")}`, deferred.map((card) => card.summary)) : null,
    held.length ? details(`${number(held)} held back by conditions of their own`, held.map((card) => card.title)) : null,
  ];
}

const number = (cards) => (cards.length === 1 ? "1 card" : `${cards.length} cards`);

function known(settled, when, days) {
  const [first, ...others] = new Set(settled.map((card) => dates(card, when, days)));
  return others.length ? "settled before" : first;
}

function dates(card, when, days) {
  const at = when[card.topic];
  return at ? `settled on ${day(at)} (until ${day(Date.parse(at) + days * DAY)})` : `settled in the last ${days} days`;
}

function details(words, lines) {
  return el("details", { class: "away" }, el("summary", {}, `${words}. `, el("span", { class: "show" }, "Show")),
    el("ul", {}, lines.map((line) => el("li", {}, line))));
}
