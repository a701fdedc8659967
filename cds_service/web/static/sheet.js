// Ticks the lines that the fragment names ("#l=c06-1.g2") and fills in today's date.
"use strict";

const form = document.querySelector("form.sheet");

function tick() {
  const wanted = new Set(decodeURIComponent(location.hash.replace(/^#l=/, "")).split("."));
  for (const box of form.querySelectorAll("input[name=l]")) {
    box.checked = wanted.has(box.value);
  }
}

const now = new Date();
form.date.value = [now.getFullYear(), now.getMonth() + 1, now.getDate()]
  .map((part) => String(part).padStart(2, "0"))
  .join("-");
tick();
addEventListener("hashchange", tick);
