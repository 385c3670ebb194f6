// What HTMX does not do: copying, dialogs, and no polling that nobody sees. Everything works without it.
"use strict";

document.documentElement.classList.add("scripts");

// Copying. navigator.clipboard exists only over HTTPS and on localhost; many clinics have plain HTTP inside.
async function copy(text, near) {
  if (navigator.clipboard && window.isSecureContext) {
    return navigator.clipboard.writeText(text);
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  near.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copy");
}

async function copyFrom(button) {
  const label = button.querySelector("span");
  const before = button.dataset.label || label.textContent;
  button.dataset.label = before;
  try {
    await copy(button.dataset.copy, button.parentElement);
  } catch {
    return;
  }
  label.textContent = button.dataset.copied;
  button.focus();
  setTimeout(() => { label.textContent = before; }, 2000);
}

// Dialogs: a fragment that arrives in #dialog opens it.
const dialog = () => document.getElementById("dialog");

function closeDialog() {
  const open = dialog();
  if (open && open.open) open.close();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copyFrom(button);
  if (event.target.closest("#dialog [data-close]") || event.target === dialog()) {
    event.preventDefault();
    closeDialog();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Only now is a form in the dialog htmx's: whoever types quickly must not send it as a page of its own.
document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.target;
  const form = event.detail.elt.closest("form[data-look]");
  if (form && form.hasAttribute("data-go-on")) {
    form.removeAttribute("data-go-on");
    goOn(form);
  }
  if (target !== dialog()) return;
  if (!target.open) target.showModal();
  const first = target.querySelector("[autofocus]");
  if (first) first.focus();
});

document.addEventListener("htmx:afterSwap", (event) => {
  const target = event.detail.target;
  if (target === dialog()) return;
  if (target.id === "notice") target.toggleAttribute("data-polled", event.detail.elt.hasAttribute("data-poll"));
  if (event.detail.requestConfig.verb !== "get") {
    closeDialog();
  }
});

// The publish form asks the PACS as soon as both numbers are there. A bar-code scanner types and presses Enter: from the
// first number that leads to the second, from there to what was found, and on to the button.
const NUMBERS = ["patient_id", "accession_number", "clinic_code"];
const numbers = (form) => NUMBERS.map((name) => {
  const field = form.elements.namedItem(name);
  return field ? field.value.trim() : "";
});

function goOn(form) {
  const next = form.querySelector("#found [data-next]");
  if (next) next.focus();
}

function lookUp(form) {
  const [patient, study, clinic] = numbers(form);
  const now = JSON.stringify([patient, study, clinic]);
  if (!patient || !study || form.dataset.looked === now) return false;
  form.dataset.looked = now;
  const words = form.querySelector(".asking");
  words.textContent = words.dataset.words;
  htmx.trigger(form, "look");
  return true;
}

document.addEventListener("keydown", (event) => {
  const field = event.target;
  const form = field.form;
  if (event.key !== "Enter" || !form || !form.hasAttribute("data-look")) return;
  if (field.name !== "patient_id" && field.name !== "accession_number") return;
  event.preventDefault();
  const [patient, study] = numbers(form);
  if (!patient) return form.elements.namedItem("patient_id").focus();
  if (!study || field.name === "patient_id") return form.elements.namedItem("accession_number").focus();
  form.toggleAttribute("data-go-on", true);
  if (!lookUp(form) && !form.classList.contains("htmx-request")) goOn(form);
});

document.addEventListener("focusout", (event) => {
  const form = event.target.form;
  // Whoever presses the button has decided; what appeared now would move it from under the pointer.
  const pressed = event.relatedTarget && event.relatedTarget.closest("button, a");
  if (form && form.hasAttribute("data-look") && !pressed) lookUp(form);
});

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form || !form.dataset.looked || form.dataset.looked === JSON.stringify(numbers(form))) return;
  // What was found belongs to other numbers.
  delete form.dataset.looked;
  form.removeAttribute("data-go-on");
  form.querySelector(".asking").textContent = "";
  form.querySelector("#found").replaceWith(document.getElementById("not-looked").content.cloneNode(true));
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig.elt;
  if (!form.hasAttribute("data-look")) return;
  const sent = event.detail.requestConfig.parameters;
  const asked = JSON.stringify(NUMBERS.map((name) => (sent[name] || "").trim()));
  // Other numbers stand there by now.
  if (asked !== form.dataset.looked) event.detail.shouldSwap = false;
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!form.hasAttribute("data-look")) return;
  form.querySelector(".asking").textContent = "";
  if (!event.detail.successful) delete form.dataset.looked;
});

document.addEventListener("htmx:load", () => {
  const form = document.querySelector("form[data-look]");
  if (form && form.querySelector("#found").dataset.outcome === "" && !form.querySelector(".fault")) lookUp(form);
}, { once: true });

// Polling: a hidden tab asks seldom; where nothing moves nobody asks, until somebody looks at the page again.
const SELDOM = 30000, AGAIN = 20000;
let asked = performance.now();

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.hasAttribute("data-poll")) return;
  if (document.hidden && performance.now() - asked < SELDOM) event.preventDefault();
  else asked = performance.now();
});

// The list may have been narrowed down while the answer was on its way.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig: { elt }, pathInfo } = event.detail;
  if (elt.hasAttribute("data-poll") && elt.getAttribute("hx-get") !== pathInfo.requestPath) event.detail.shouldSwap = false;
});

function refresh() {
  for (const polled of document.querySelectorAll("[data-poll]")) htmx.trigger(polled, "refresh");
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
for (const sign of ["pointermove", "keydown", "scroll", "focusin"]) {
  document.addEventListener(sign, () => {
    if (performance.now() - asked < AGAIN) return;
    asked = performance.now();
    refresh();
  }, { passive: true, capture: true });
}

// What a person is typing, and a menu that they have opened, are theirs: a new state of the page leaves them alone.
document.addEventListener("DOMContentLoaded", () => {
  const printing = document.querySelector("[data-print]");
  if (printing) printing.focus();
  if (!window.Idiomorph) return;
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => name !== "open" || node.tagName !== "DETAILS";
});

// Lists narrow down while somebody types, wherever on the page the field stands.
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form && form.hasAttribute("data-filter")) htmx.trigger(form, "filter");
});

// Marking: the mark in the head is for the whole page, and what is marked is counted.
function countChecked(name) {
  const all = [...document.querySelectorAll(`input[type=checkbox][name="${name}"]`)];
  const checked = all.filter((box) => box.checked).length;
  const label = document.querySelector(`[data-checked="${name}"]`);
  if (label) {
    label.dataset.label = label.dataset.label || label.textContent;
    label.textContent = `${label.dataset.label}: ${checked}`;
  }
  const head = document.querySelector(`[data-check-all="${name}"]`);
  if (head) {
    head.checked = checked > 0 && checked === all.length;
    head.indeterminate = checked > 0 && checked < all.length;
  }
}

document.addEventListener("change", (event) => {
  const name = event.target.dataset.checkAll;
  if (name) for (const box of document.querySelectorAll(`input[type=checkbox][name="${name}"]`)) box.checked = event.target.checked;
  if (name || event.target.type === "checkbox") countChecked(name || event.target.name);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// Addresses say only what was asked for.
document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.hasAttribute("data-filter")) return;
  const parameters = event.detail.parameters;
  for (const name of Object.keys(parameters)) if (!parameters[name]) delete parameters[name];
});

// A poll that does not come back says so, and takes it back when the next one does.
function tellOffline(isOffline) {
  const line = document.getElementById("offline");
  if (line) line.hidden = !isOffline;
}

document.addEventListener("htmx:sendError", () => tellOffline(true));
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  tellOffline(false);
  const notice = document.getElementById("notice");
  if (notice.hasAttribute("data-polled") || event.detail.requestConfig.verb !== "get") notice.replaceChildren();
});
