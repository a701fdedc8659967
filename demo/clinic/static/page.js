// One person's chart, and the service's cards about it.

import { send } from "./asking.js";
import { drawAway, noteSettled, settledBefore } from "./away.js";
import { drawCards } from "./cards.js";
import { drawChart, orderName, readChart, signed } from "./chart.js";
import { inOneLine, readCounts } from "./counts.js";
import { el, fill, json } from "./dom.js";
import { Fhir } from "./fhir.js";
import { call, contextOf, discover, requestOf, tell } from "./hooks.js";
import { age, personName } from "./words.js";

const OPENING = "patient-view";
const find = (id) => document.getElementById(id);
const { service: base, fhir: fhirBase, patient: patientId } = find("visit").dataset;
const fhir = new Fhir(fhirBase);

let chart = null;
let services = [];

// -- the chart --------------------------------------------------------------------------------

async function openChart() {
  chart = await readChart(fhir, patientId);
  const { patient } = chart;
  find("name").textContent = personName(patient);
  document.title = `${personName(patient)} · Demo clinic`;
  find("about").textContent = `${age(patient.birthDate)} years · born ${patient.birthDate} · recorded sex: ${patient.gender ?? "not recorded"}`;
  if (chart.encounter) document.querySelectorAll("#form, a.form").forEach(withVisit);
  fill(find("tables"), drawChart(chart, sign));
  fill(find("chart-said"));
  if (services.length) drawHooks();
}

/** A form that is opened belongs to the visit. */
function withVisit(link) {
  const address = new URL(link.href);
  address.searchParams.set("encounter", chart.encounter.id);
  link.href = address;
}

/** Back from another tab: a form may have been answered there, and then the cards are others. */
async function openAgain() {
  const before = answeredSoFar();
  await openChart();
  if (answeredSoFar() === before) return;
  await fire();
  find("chart-said").textContent = "New answers are in the chart: the service was called again.";
}

const answeredSoFar = () => chart.responses.map((response) => `${response.id} ${response.authored}`).join();

async function sign(order) {
  try {
    await fhir.update(signed(order));
    await openChart();
    find("chart-said").textContent = "Signed: the order is active now, and the service does not suggest it again.";
  } catch (problem) {
    fail(problem);
  }
}

// -- the call ---------------------------------------------------------------------------------

function drawHooks() {
  const chosen = find("hook").value || OPENING;
  fill(find("hook"), services.map((service) => {
    const lacking = contextOf(service.hook, chart);
    const words = typeof lacking === "string" ? `${service.hook}: ${lacking}` : service.hook;
    return el("option", { value: service.hook, disabled: typeof lacking === "string" }, words);
  }));
  find("hook").value = services.some((service) => service.hook === chosen) ? chosen : services[0].hook;
  find("hook").disabled = false;
}

async function fire() {
  const sendsChart = find("call").elements.data.value === "prefetch";
  quiet();
  busy(true);
  find("said").textContent = "Calling the service …";
  let request = null;
  try {
    await openChart(); // it may have changed meanwhile, in the form or elsewhere
    const service = services.find((found) => found.hook === find("hook").value);
    request = await requestOf(service, contextOf(service.hook, chart), fhir, sendsChart);
    const answer = await call(base, service, request);
    const spoken = answer.cards.length === 1 ? "One card came back." : `${answer.cards.length} cards came back.`;
    find("said").textContent = answer.cards.length ? spoken : "No card: the service has nothing to say about this.";
    await drawCards(find("cards"), answer.cards, desk(service));
    await drawAfter(service, request, answer);
  } catch (problem) {
    fail(problem);
    if (request) fill(find("raw"), json("What was sent", request), json("What came back", problem.body));
  }
  busy(false);
}

function busy(is) {
  find("support").setAttribute("aria-busy", String(is));
  find("fire").disabled = is;
}

function quiet() {
  ["problem", "cards", "away", "after", "timeline", "raw"].forEach((place) => fill(find(place)));
}

function fail(problem) {
  if (!chart) find("name").textContent = "This chart cannot be opened";
  find("said").textContent = "";
  fill(find("problem"), el("div", { class: "danger" },
    el("p", {}, el("strong", {}, problem.message)), (problem.words ?? []).map((words) => el("p", {}, words))));
}

/** What stands below the cards: what was put away, why, counts, and the raw exchange for developers. */
function drawAfter(service, request, answer) {
  const topics = answer.cards.map((card) => card.source.topic.code);
  const settled = settledBefore(patientId);
  fill(find("after"),
    el("form", { method: "post", action: "/why", target: "_blank", rel: "noopener" },
      Object.entries({ request, shown: topics, settled }).map(([name, value]) => el("input", { type: "hidden", name, value: JSON.stringify(value) })),
      el("button", { type: "submit", class: "second" }, "Why these cards, and why not the others", el("span", { class: "quiet" }, " (new tab)")),
      el("p", { class: "quiet" }, "It names private matters too: open it only where nobody else can see the screen.")),
    el("p", { id: "counted", class: "quiet" }));
  fill(find("raw"), json(`What was sent to ${service.id}`, request), json("What came back", answer));
  recount();
  return send("POST", "/beside", { request, shown: topics, settled }).then((beside) => {
    fill(find("away"), drawAway(beside, settled));
    find("timeline").innerHTML = beside.timeline; // made by the clinic's server, which escapes every text
  }, () => {});
}

function recount() {
  const place = find("counted"); // gone where the service is called again meanwhile
  if (place) readCounts().then((rows) => { place.textContent = inOneLine(rows); }, () => {});
}

// -- what the cards' buttons do ---------------------------------------------------------------

function desk(service) {
  return {
    async accept(card, suggestion) {
      const made = [];
      for (const action of suggestion.actions ?? []) {
        made.push(await fhir.create(action.resource));
      }
      await tell(base, service, card, { outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] });
      noteSettled(patientId, card);
      await openChart();
      recount();
      const names = made.map(orderName).join(", ");
      return ["Draft order added: ", names || suggestion.label, ". See ", el("a", { href: "#chart" }, "Orders"), "."];
    },
    async override(card, outcome) {
      await tell(base, service, card, outcome);
      noteSettled(patientId, card);
      recount();
      return `Overridden${outcome.overrideReason?.reason ? `: ${outcome.overrideReason.reason.display}` : ""}. The service was told.`;
    },
    appLink(link) {
      const about = { url: link.url, ...(link.appContext ? { context: link.appContext } : {}) };
      const visit = chart.encounter ? { encounter: chart.encounter.id } : {};
      return `/people/${encodeURIComponent(patientId)}/app?${new URLSearchParams({ ...about, ...visit })}`;
    },
  };
}

// -- start ------------------------------------------------------------------------------------

find("call").addEventListener("submit", (event) => {
  event.preventDefault();
  fire();
});
document.addEventListener("visibilitychange", () => { if (chart && !document.hidden) openAgain().catch(fail); });

try {
  services = await discover(base);
  await fire();
} catch (problem) { // the chart can be read without the service
  await openChart().catch(fail);
  fail(problem);
  find("support").setAttribute("aria-busy", "false");
}
