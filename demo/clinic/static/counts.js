// What became of the cards: the service's own counts.

import { ask } from "./asking.js";
import { el, fill, table } from "./dom.js";

/** Rows of the cards that were shown, over all content versions. */
export async function readCounts() {
  const rows = await ask("/counts");
  return rows.filter((row) => row.state === "shown" && row.by === "card" && !row.version);
}

/** One line: how many cards were shown, accepted, overridden. */
export function inOneLine(rows) {
  const sum = (key) => rows.reduce((total, row) => total + (row[key] ?? 0), 0);
  return `All calls so far: ${sum("fired")} cards shown, ${sum("accepted")} accepted, ${sum("overridden")} overridden.`;
}

export function drawCounts(rows) {
  return table("What became of the cards", ["Card", "Shown", "Accepted", "Overridden", "Ignored", "Reasons given"],
    rows.map((row) => [row.id, String(row.fired), String(row.accepted), String(row.overridden), String(row.ignored),
      Object.entries(row.reasons ?? {}).map(([reason, count]) => `${reason}: ${count}`).join(", ")]));
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
