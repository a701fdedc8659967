// What became of the cards: the service's own counts, named by the clinic's server.

import { ask } from "./asking.js";
import { el, fill, table } from "./dom.js";

/** The cards that were shown, over all content versions. */
export async function readCounts() {
  return (await ask("/counts")).cards;
}

/** One line: how many cards were shown, accepted, overridden. */
export function inOneLine(rows) {
  const sum = (key) => rows.reduce((total, row) => total + row[key].count, 0);
  return `All calls so far: ${sum("shown")} cards shown, ${sum("accepted")} accepted, ${sum("overridden")} overridden.`;
}

export function drawCounts(rows) {
  return table("What became of the cards", ["Card", "Shown", "Accepted", "Overridden", "Ignored", "Median time to act", "Top reason to override"],
    rows.map((row) => [row.title, ...["shown", "accepted", "overridden", "ignored"].map((key) => row[key].value), row.time, row.reason]));
}

const [place, said] = [document.getElementById("counts"), document.getElementById("said")];
if (place) {
  try {
    const rows = await readCounts();
    said.textContent = inOneLine(rows);
    fill(place, rows.length ? drawCounts(rows) : el("p", {}, "No card yet: open a chart first."));
  } catch (problem) {
    said.textContent = [problem.message, ...(problem.words ?? [])].join(" ");
  }
}
