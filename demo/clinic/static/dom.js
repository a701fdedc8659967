// Elements from data. Text is always text: nothing that comes from a chart or a card is markup.

/** `el("p", {class: "quiet"}, "text", child)`; attributes that are null or false are left out. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Puts children where others were. */
export function fill(place, ...children) {
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

/** JSON to read, behind a click. */
export function json(title, value) {
  return el("details", { class: "json" }, el("summary", {}, title),
    el("pre", { tabindex: "0" }, JSON.stringify(value, null, 2)));
}

/** A table with a heading row; each row is a list of texts or elements. */
export function table(label, headings, rows) {
  const cells = (row) => row.map((cell, place) => (place ? el("td", {}, cell) : el("th", { scope: "row" }, cell)));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", {},
      el("thead", {}, el("tr", {}, headings.map((words) => el("th", { scope: "col" }, words)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, cells(row))))));
}
