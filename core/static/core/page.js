// @ts-check
/** What every page does: the theme toggle, menus that close, questions before a step that cannot be taken back. */

const root = document.documentElement;

/** @returns {"dark" | "light"} the theme that is on the screen now */
function shown() {
  const chosen = root.dataset.theme;
  if (chosen === "dark" || chosen === "light") return chosen;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  const tell = () => {
    button.textContent = shown() === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to the ${shown() === "dark" ? "light" : "dark"} theme`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = shown() === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    localStorage.setItem("nocturne-theme", next);
    tell();
  });
  tell();
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.removeAttribute("open");
    menu.querySelector("summary")?.focus();
  }
});

// <form data-ask="Really?">: one question, then it goes.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.dataset.ask && !confirm(form.dataset.ask)) event.preventDefault();
});

// <select data-submits>, <input type="checkbox" data-submits>: a filter acts as soon as it is chosen. Its form keeps a
// button for those without scripts.
document.addEventListener("change", (event) => {
  const field = event.target;
  const chosen = field instanceof HTMLSelectElement || field instanceof HTMLInputElement;
  if (chosen && "submits" in field.dataset) field.form?.requestSubmit();
});

// "/" goes to the search box of a page that has one.
document.addEventListener("keydown", (event) => {
  const box = document.querySelector('[role="search"] input[type="search"]');
  const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !(box instanceof HTMLElement)) return;
  event.preventDefault();
  box.focus();
});

// <button data-print>
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

// What scrolls can be reached and moved by the keyboard; what does not scroll is no stop for it.
const reach = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const scrolls = target.scrollWidth > target.clientWidth + 1 || target.scrollHeight > target.clientHeight + 1;
    if (scrolls) target.setAttribute("tabindex", "0");
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".scroll")) reach.observe(box);

/** A live part that cannot reach the laboratory says so, and says when it can again. */
const notices = document.getElementById("notices");
let away = false;
function goneAway() {
  if (away || !notices) return;
  away = true;
  const notice = document.createElement("p");
  notice.className = "notice error";
  notice.dataset.away = "";
  notice.textContent = "The laboratory does not answer. What you see may be old; this page keeps trying.";
  notices.append(notice);
}
function cameBack() {
  if (!away) return;
  away = false;
  notices?.querySelector("[data-away]")?.remove();
}
for (const name of ["htmx:sendError", "live:away"]) document.body.addEventListener(name, goneAway);
for (const name of ["htmx:afterOnLoad", "live:back"]) document.body.addEventListener(name, cameBack);
