// Cards as a clinician sees them: ranked, explained, to accept or to override.

import { send } from "./asking.js";
import { orderName } from "./chart.js";
import { el, fill, json } from "./dom.js";
import { concept, moment } from "./words.js";

const MARKS = {
  info: ["ℹ", "For information"],
  warning: ["▲", "Important"],
  critical: ["⬣", "Critical"],
};

/**
 * Draws the cards into a list. `desk` does what buttons ask: `accept(card, suggestion)` and
 * `override(card, outcome)` return what to say, `appLink(link)` the address of a SMART link.
 */
export async function drawCards(place, cards, desk) {
  const details = await rendered(cards.map((card) => card.detail ?? ""));
  fill(place, cards.map((card, rank) => drawCard(card, rank, details[rank], cards.length, desk)));
}

/** Markdown as safe HTML, from the clinic's own server: what is always visible (`lead`), and the rest. */
async function rendered(markdown) {
  return (await send("POST", "/markdown", { markdown })).cards;
}

function drawCard(card, rank, { lead, rest }, count, desk) {
  const title = `card-${card.uuid}`;
  const [icon, words] = MARKS[card.indicator] ?? ["•", card.indicator];
  const said = el("p", { role: "status", class: "said", tabindex: "-1" });
  const actions = el("div", { class: "actions" }, suggestions(card, desk, said), overriding(card, desk, said));
  return el("li", {},
    el("article", { class: `card ${card.indicator}`, "aria-labelledby": title, "data-topic": card.source.topic?.code },
      el("p", { class: "rank" },
        el("span", { class: "indicator" }, el("span", { "aria-hidden": "true" }, `${icon} `), words),
        el("span", { class: "quiet" }, `Card ${rank + 1} of ${count}`)),
      el("h3", { id: title }, card.summary),
      el("p", { class: "quiet source" }, "Source: ", link(card.source.label, card.source.url)),
      lead ? markdown(lead, "lead") : null,
      actions,
      said,
      rest ? el("details", {}, el("summary", {}, "All of it: the other reasons, what is open, on what it rests"), markdown(rest)) : null,
      links(card, desk)));
}

function markdown(html, more = "") {
  const body = el("div", { class: `markdown ${more}` });
  body.innerHTML = html; // sanitised by the clinic's server: no markup of its own, https links, no images
  return body;
}

/** A link only where it leads somewhere by http(s). */
function link(words, url) {
  if (!/^https?:\/\//.test(url ?? "")) return words;
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words);
}

// -- accept -----------------------------------------------------------------------------------

function suggestions(card, desk, said) {
  const found = card.suggestions ?? [];
  if (!found.length) return null;
  const onlyOne = card.selectionBehavior === "at-most-one";
  const buttons = [];
  const chosen = el("span", { class: "quiet chosen" });
  const count = (result) => {
    const taken = buttons.filter((button) => button.dataset.taken).length;
    chosen.textContent = ` ${taken} of ${found.length} chosen`;
    return result;
  };
  const drawn = found.map((suggestion) => {
    const button = el("button", { type: "button", class: "small", "aria-label": `Accept: ${suggestion.label}` }, "Accept");
    buttons.push(button);
    const accept = async () => {
      const words = await desk.accept(card, suggestion);
      button.dataset.taken = "yes";
      button.textContent = "Accepted";
      button.setAttribute("aria-label", `Accepted: ${suggestion.label}`);
      return count(words);
    };
    button.addEventListener("click", () => acting(onlyOne ? buttons : [button], said, accept));
    return el("li", {},
      button,
      el("div", {},
        el("strong", {}, suggestion.label), suggestion.isRecommended ? el("span", { class: "mark" }, "recommended") : null,
        (suggestion.actions ?? []).map(action)));
  });
  return [
    el("h4", {}, onlyOne ? "Suggestions (choose one)" : "Suggestions", chosen),
    el("ul", { class: "suggestions" }, drawn),
  ];
}

function action({ description, resource }) {
  return el("details", { class: "draft" },
    el("summary", {}, description ?? "Draft order"),
    resource ? [draft(resource), json("As FHIR", resource)] : null);
}

function draft(resource) {
  const lines = [
    ["What", orderName(resource)],
    ["Kind", `${resource.resourceType}, ${resource.status ?? ""}`],
    ["Because", (Array.isArray(resource.reasonCode) ? resource.reasonCode : [resource.reasonCode]).map(concept).join("; ")],
    ["Priority", resource.priority],
    ["Text", (resource.payload ?? []).map((part) => part.contentString).join(" · ") || resource.description],
    ["For", (resource.subject ?? resource.for)?.reference],
    ["Written", moment(resource.authoredOn)],
  ];
  return el("dl", {}, lines.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** Runs one action with its buttons off; says what came of it, and puts the focus there. */
async function acting(buttons, said, act) {
  buttons.forEach((button) => { button.disabled = true; });
  said.className = "said";
  said.textContent = "Working …";
  try {
    fill(said, await act());
  } catch (problem) {
    buttons.forEach((button) => { button.disabled = false; });
    said.className = "said failed";
    said.textContent = [problem.message, ...(problem.words ?? [])].join(" ");
  }
  said.focus();
}

// -- override ---------------------------------------------------------------------------------

function overriding(card, desk, said) {
  const reasons = card.overrideReasons ?? [];
  const name = `reason-${card.uuid}`;
  const comment = el("textarea", { id: `comment-${card.uuid}`, rows: "2" });
  const button = el("button", { type: "submit", class: "second" }, "Override this card");
  const form = el("form", {},
    reasons.length
      ? el("fieldset", {}, el("legend", {}, "Reason"), reasons.map((reason, place) => el("label", {},
        el("input", { type: "radio", name, value: String(place), required: true }), ` ${reason.display ?? reason.code}`)))
      : null,
    el("p", { class: "field" },
      el("label", { for: comment.id }, "Comment, if you like (the service stores it: write nothing about the person)"), comment),
    button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.querySelector("input:checked");
    acting([button], said, () => desk.override(card, outcome(reasons[chosen?.value], comment.value.trim())));
  });
  return el("details", { class: "override" }, el("summary", {}, "Override"), form);
}

function outcome(reason, comment) {
  const overrideReason = { ...(reason ? { reason } : {}), ...(comment ? { userComment: comment } : {}) };
  return { outcome: "overridden", ...(Object.keys(overrideReason).length ? { overrideReason } : {}) };
}

// -- links ------------------------------------------------------------------------------------

function links(card, desk) {
  const found = (card.links ?? []).map((one) => (one.type === "smart" ? { ...one, url: desk.appLink(one) } : one));
  if (!found.length) return null;
  return el("details", { class: "links", open: found.some((one) => one.type === "smart") },
    el("summary", {}, `Links (${found.length})`),
    el("ul", {}, found.map((one) => el("li", {}, one.type === "smart"
      ? el("a", { href: one.url, target: "_blank", rel: "noopener" }, `${one.label} (opens the form for this person)`)
      : link(one.label, one.url)))));
}
