// Makes the form quicker to use. Without it everything works as well: the server decides what is
// asked and what is wrong, this only shows it sooner. It asks no server for anything but to leave.
"use strict";

document.documentElement.classList.add("script");

const form = document.getElementById("answers");

// -- leaving at once ------------------------------------------------------------------------------

const leaving = document.querySelector("[data-leave]");

function leave() {
  document.documentElement.hidden = true;
  document.title = "";
  sessionStorage.clear();
  const gone = () => location.replace("/blank");
  fetch(leaving.action, { method: "POST", keepalive: true }).then(gone, gone);
}

if (leaving) {
  leaving.addEventListener("submit", (event) => { event.preventDefault(); leave(); });
  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") { presses = []; return; }
    presses = [...presses.filter((at) => event.timeStamp - at < 2000), event.timeStamp];
    if (presses.length >= 3) leave();
  });
}

// A page that comes back from the browser's memory may show what was left: ask the server anew.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// A sent form that nobody touches asks the server anew when that has forgotten the answers.
const forgets = Number(document.documentElement.dataset.forgets || 0);
if (forgets) {
  let timer = 0;
  const wait = () => { clearTimeout(timer); timer = setTimeout(() => location.replace("done"), (forgets + 1) * 1000); };
  for (const touch of ["pointerdown", "keydown", "scroll"]) addEventListener(touch, wait, { passive: true });
  wait();
}

// -- what is asked (the conditions come from the server, see views.py) ----------------------------

function valuesOf(id) {
  const asked = document.getElementById(id);
  if (!asked || asked.closest("[hidden]")) return [];
  const named = [...asked.querySelectorAll("[name^='v:'], [name^='o:']")].filter((field) => field.closest("fieldset") === asked);
  return named
    .filter((field) => (field.type === "radio" || field.type === "checkbox" ? field.checked : true))
    .map((field) => field.value.trim())
    .filter((value) => value !== "");
}

const ORDERS = { ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b };

function holds(condition) {
  if (typeof condition === "boolean") return condition;
  const [id, operator, wanted] = condition;
  const values = valuesOf(id);
  if (operator === "exists") return (values.length > 0) === wanted;
  if (!values.length) return false;
  const typed = typeof wanted === "number" ? (text) => Number(text.replace(",", ".")) : (text) => text;
  const same = values.some((text) => typed(text) === wanted);
  if (operator === "=") return same;
  if (operator === "!=") return !same;
  return values.some((text) => ORDERS[operator](typed(text), wanted));
}

const waiting = form ? [...form.querySelectorAll("[data-when]")].map((part) => [part, JSON.parse(part.dataset.when)]) : [];

function showWhatIsAsked() {
  for (let round = 0, changed = true; changed && round < 10; round += 1) {
    changed = false;
    for (const [part, when] of waiting) {
      const asked = when.all ? when.of.every(holds) : when.of.some(holds);
      if (part.hidden !== !asked) { changed = true; part.hidden = !asked; }
      if (!asked) continue;
      part.disabled = false;  // from now on it is sent: it was seen
      for (const seen of part.querySelectorAll(":scope > [name^='s:']")) seen.disabled = false;
    }
  }
  for (const copy of document.querySelectorAll("[data-mirrors]")) {
    copy.hidden = document.getElementById(copy.dataset.mirrors).hidden;
  }
}

// -- what was folded away stays so while the form is open -------------------------------------------

for (const part of document.querySelectorAll("details[data-remember]")) {
  const key = `folded ${part.dataset.remember}`;
  part.open = sessionStorage.getItem(key) === null;
  part.addEventListener("toggle", () => (part.open ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, "1")));
}

// -- options that stand alone ---------------------------------------------------------------------

function keepAlone(box) {
  if (box.type !== "checkbox" || !box.checked) return;
  for (const other of box.closest(".options").querySelectorAll("input")) {
    if (other !== box && (box.hasAttribute("data-alone") || other.hasAttribute("data-alone"))) other.checked = false;
  }
}

// -- sliders: the number beside them is the answer ------------------------------------------------

function addSlider(number) {
  const { least, most, step, lower, upper } = number.dataset;
  const box = document.createElement("span");
  box.className = "slide";
  const range = Object.assign(document.createElement("input"), { type: "range", min: least, max: most, step });
  range.setAttribute("aria-labelledby", number.getAttribute("aria-labelledby"));
  const end = (text) => Object.assign(document.createElement("span"), { textContent: text });
  box.append(end(lower || least), range, end(upper || most));
  const follow = () => {
    box.classList.toggle("untouched", number.value === "");
    range.value = number.value === "" ? (Number(least) + Number(most)) / 2 : number.value;
  };
  range.addEventListener("input", () => {
    number.value = range.value;
    box.classList.remove("untouched");
    number.dispatchEvent(new Event("change", { bubbles: true }));
  });
  number.addEventListener("input", follow);
  number.before(box);
  follow();
}

if (form) {
  for (const number of form.querySelectorAll("[data-slide]")) addSlider(number);
  form.addEventListener("change", (event) => { keepAlone(event.target); showWhatIsAsked(); });
  form.addEventListener("input", showWhatIsAsked);
  form.addEventListener("click", (event) => {
    const button = event.target.closest(".clear");
    if (!button) return;
    event.preventDefault();
    const asked = button.closest("fieldset");
    const fields = [...asked.querySelectorAll("[name^='v:']")].filter((field) => field.closest("fieldset") === asked);
    for (const field of fields) field.checked = false;
    fields[0].focus();
    showWhatIsAsked();
  });
  showWhatIsAsked();
}

// -- printing -------------------------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// -- where to look first --------------------------------------------------------------------------

const first = document.querySelector(".errors[tabindex], .told[tabindex], .emergency[tabindex], h1[tabindex]");
if (first && !location.hash) first.focus();
