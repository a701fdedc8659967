// What a person answered. Restricted answers take a deliberate click.

import { el } from "./dom.js";
import { answer, moment } from "./words.js";

const LABEL = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";

/** The url of the form that a response answers. */
export const formOf = (response) => (response.questionnaire ?? "").split("|")[0];

export function drawAnswers(chart) {
  return chart.responses.map((response) => drawResponse(response, chart.questionnaires.get(formOf(response))));
}

function drawResponse(response, form) {
  const items = new Map(flat(form?.item).map((item) => [item.linkId, item]));
  const answered = flat(response.item).filter((item) => item.answer?.length);
  const restricted = answered.filter((item) => isRestricted(items.get(item.linkId)));
  const open = answered.filter((item) => !restricted.includes(item));
  return el("div", {},
    el("p", { class: "quiet" }, `${form?.title ?? "Another form"}: answered ${moment(response.authored)} (${response.status}).`),
    list(open, items),
    restricted.length
      ? el("details", { class: "private" },
        el("summary", {}, `Restricted answers (${restricted.length}): show only if nobody else can see this screen`),
        list(restricted, items))
      : null);
}

function list(answered, items) {
  return el("dl", {}, answered.flatMap((item) => [
    el("dt", {}, items.get(item.linkId)?.text ?? item.text ?? item.linkId),
    el("dd", {}, item.answer.map(answer).join("; ")),
  ]));
}

/** An item the form does not know is treated as restricted. */
function isRestricted(item) {
  return !item || (item.extension ?? []).some((extension) => extension.url === LABEL);
}

function flat(items) {
  return (items ?? []).flatMap((item) => [item, ...flat(item.item)]);
}
