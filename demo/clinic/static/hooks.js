// CDS Hooks, from the client's side: discovery, a call, feedback.

import { ask, send } from "./asking.js";

const USER = "Practitioner/dr-okonjo";

/** The services of discovery. */
export async function discover(base) {
  return (await ask(`${base}/cds-services`)).services;
}

const bundle = (resources) => ({ resourceType: "Bundle", type: "collection", entry: resources.map((resource) => ({ resource })) });

// hook -> what its context needs from the chart, or the words that say what is lacking
const NEEDS = {
  "encounter-start": (chart) => (chart.encounter ? {} : "This person has no visit today."),
  "order-select": (chart) => (chart.drafts.length
    ? { draftOrders: bundle(chart.drafts), selections: chart.drafts.map((order) => `${order.resourceType}/${order.id}`) }
    : "There is no draft order yet: accept a suggestion first."),
  "order-sign": (chart) => (chart.drafts.length
    ? { draftOrders: bundle(chart.drafts) }
    : "There is no draft order yet: accept a suggestion first."),
  "appointment-book": (chart) => (chart.appointments.length
    ? { appointments: bundle(chart.appointments) }
    : "No appointment is being booked for this person."),
  "problem-list-item-create": (chart) => (chart.conditions.length
    ? { conditions: bundle(chart.conditions.slice(0, 1)) }
    : "There is no problem on this person's list."),
};

/** The context of a hook for a chart: an object, or the words that say what is lacking. */
export function contextOf(hook, chart) {
  const more = NEEDS[hook]?.(chart) ?? {};
  if (typeof more === "string") return more;
  const visit = chart.encounter ? { encounterId: chart.encounter.id } : {};
  return { userId: USER, patientId: chart.patient.id, ...visit, ...more };
}

/** The request of a call: everything the service's templates ask for, or only where to read it. */
export async function requestOf(service, context, fhir, sendsChart) {
  const request = { hook: service.hook, hookInstance: crypto.randomUUID(), context };
  if (!sendsChart) return { ...request, fhirServer: fhir.base };
  return { ...request, prefetch: await prefetchOf(service.prefetch ?? {}, context, fhir) };
}

async function prefetchOf(templates, context, fhir) {
  const pairs = await Promise.all(Object.entries(templates).map(async ([key, template]) => {
    const query = template.replace(/\{\{context\.(\w+)\}\}/g, (_, name) => encodeURIComponent(context[name] ?? ""));
    try {
      return [key, await (query.includes("?") ? fhir.search(query) : fhir.read(query))];
    } catch (problem) {
      return [key, problem.body]; // an OperationOutcome says that it failed; without one the key is left out
    }
  }));
  return Object.fromEntries(pairs.filter(([, value]) => value));
}

/** The cards of a call. */
export async function call(base, service, request) {
  return send("POST", `${base}/cds-services/${encodeURIComponent(service.id)}`, request);
}

/** Tells the service what became of a card; `outcome` is the rest of one feedback item. */
export async function tell(base, service, card, outcome) {
  const item = { card: card.uuid, outcomeTimestamp: new Date().toISOString(), ...outcome };
  return send("POST", `${base}/cds-services/${encodeURIComponent(service.id)}/feedback`, { feedback: [item] });
}
