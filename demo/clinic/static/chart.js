// A person's chart: read from the FHIR server, drawn as tables.

import { drawAnswers, formOf } from "./answers.js";
import { el, table } from "./dom.js";
import { concept, moment, result } from "./words.js";

const TYPES = [
  "Encounter", "Condition", "MedicationRequest", "MedicationStatement", "Observation", "DiagnosticReport",
  "Procedure", "Appointment", "QuestionnaireResponse", "ServiceRequest", "CommunicationRequest", "Task",
];
const VISITING = ["planned", "arrived", "triaged", "in-progress"];

/** Everything the chart holds, and what hooks need of it. */
export async function readChart(fhir, patientId) {
  const id = encodeURIComponent(patientId);
  const [patient, ...found] = await Promise.all([
    fhir.read(`Patient/${id}`),
    ...TYPES.map((type) => fhir.find(`${type}?patient=${id}&_count=100`)),
  ]);
  const held = Object.fromEntries(TYPES.map((type, place) => [type, found[place]]));
  const orders = [...held.ServiceRequest, ...held.CommunicationRequest, ...held.Task];
  const responses = held.QuestionnaireResponse.sort(by((response) => response.authored));
  return {
    patient,
    held,
    orders: orders.sort(by((order) => order.authoredOn)),
    drafts: held.ServiceRequest.filter((order) => order.status === "draft"),
    encounter: held.Encounter.find((visit) => VISITING.includes(visit.status)),
    appointments: held.Appointment,
    conditions: held.Condition.sort(by((condition) => condition.recordedDate)),
    responses,
    questionnaires: await formsOf(fhir, responses),
  };
}

/** The forms of responses, by their urls. */
async function formsOf(fhir, responses) {
  const urls = [...new Set(responses.map(formOf))];
  const found = await Promise.all(urls.map((url) => fhir.find(`Questionnaire?url=${encodeURIComponent(url)}`)));
  return new Map(urls.map((url, place) => [url, found[place][0]]));
}

/** Newest first. */
function by(date) {
  return (one, other) => String(date(other) ?? "").localeCompare(String(date(one) ?? ""));
}

const from = (resource) => moment(resource.effectiveDateTime ?? resource.performedDateTime ?? resource.authoredOn
  ?? resource.onsetDateTime ?? resource.recordedDate);

const SIGNED = { ServiceRequest: { status: "active", intent: "order" }, CommunicationRequest: { status: "active" }, Task: { status: "requested" } };

/** A draft as it stands once it is signed. */
export function signed(order) {
  return { ...order, ...SIGNED[order.resourceType] };
}

/** The tables; `sign(order)` turns a draft into an order. */
export function drawChart(chart, sign) {
  const { held } = chart;
  const medicines = [...held.MedicationRequest, ...held.MedicationStatement];
  return [
    section("Orders", chart.orders.length, chart.orders.length && table("Orders", ["What", "Status", "When", "To do"],
      chart.orders.map((order) => [orderName(order), order.status, moment(order.authoredOn), signing(order, sign)]))),
    section("Problems", chart.conditions.length, table("Problems", ["Problem", "Status", "Since"],
      chart.conditions.map((c) => [concept(c.code), concept(c.clinicalStatus), from(c)]))),
    section("Medicines", medicines.length, table("Medicines", ["Medicine", "How", "Since"],
      medicines.map((m) => [concept(m.medicationCodeableConcept), (m.dosageInstruction ?? m.dosage)?.[0]?.text ?? "", from(m)]))),
    section("Results and measurements", held.Observation.length + held.DiagnosticReport.length,
      table("Results and measurements", ["What", "Result", "When"], [
        ...held.Observation.map((o) => [concept(o.code), result(o), from(o)]),
        ...held.DiagnosticReport.map((r) => [concept(r.code), r.conclusion ?? "", from(r)]),
      ])),
    section("Procedures", held.Procedure.length, table("Procedures", ["Procedure", "Status", "When"],
      held.Procedure.map((p) => [concept(p.code), p.status, from(p)]))),
    section("Visits and appointments", held.Encounter.length + held.Appointment.length,
      table("Visits and appointments", ["Reason", "Status", "When"], [
        ...held.Encounter.map((e) => [concept(e.reasonCode?.[0]), e.status, moment(e.period?.start)]),
        ...held.Appointment.map((a) => [concept(a.reasonCode?.[0]), a.status, moment(a.start)]),
      ])),
    section("Answers to forms", chart.responses.length, chart.responses.length && drawAnswers(chart)),
  ];
}

function section(title, count, content) {
  return el("details", { open: count > 0, class: "part" },
    el("summary", {}, el("h3", {}, `${title} (${count})`)),
    count ? content : el("p", { class: "quiet" }, "Nothing."));
}

/** What an order is for, in words. */
export function orderName(order) {
  return concept(order.code) || concept(order.category?.[0]) || order.description || order.payload?.[0]?.contentString || order.resourceType;
}

function signing(order, sign) {
  if (order.status !== "draft") return "";
  return el("button", { type: "button", class: "second small", onclick: () => sign(order), "aria-label": `Sign ${orderName(order)}` }, "Sign");
}
