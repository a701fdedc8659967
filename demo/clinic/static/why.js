// Filters the rules by answer and by words.

const form = document.getElementById("filter");

function show() {
  const words = document.getElementById("words").value.trim().toLowerCase();
  const answers = new Set([...form.querySelectorAll("input:checked")].map((box) => box.value));
  const rules = [...document.querySelectorAll(".rule")];
  for (const rule of rules) {
    rule.hidden = !answers.has(rule.dataset.answer) || !rule.textContent.toLowerCase().includes(words);
  }
  for (const group of document.querySelectorAll(".group")) {
    group.hidden = !group.querySelector(".rule:not([hidden])");
    if (words) group.open = true;
  }
  const left = rules.filter((rule) => !rule.hidden).length;
  document.getElementById("found").textContent = `${left} of ${rules.length} rules`;
}

if (form) {
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
}
