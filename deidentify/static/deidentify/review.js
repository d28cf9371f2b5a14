// @ts-check
/**
 * @file The review of a report by keyboard: n and p go from finding to finding, a accepts, r leaves the words in, u takes it
 * back, 1…7 cover what is selected, f hands it over. Each is the form that stands on the page.
 */

/** Where the reader is: the start of a finding. It outlives the page's parts. */
let current = -1;

function room() {
  return document.querySelector("[data-review]");
}

/** @returns {HTMLElement[]} */
function marks() {
  return [...(room()?.querySelectorAll("[data-source] mark") ?? [])].filter((mark) => mark instanceof HTMLElement);
}

function here() {
  return marks().find((mark) => Number(mark.dataset.start) === current) ?? null;
}

/** @param {HTMLElement | null | undefined} mark @param {boolean} [still] nothing scrolls */
function go(mark, still = false) {
  if (!mark) return;
  current = Number(mark.dataset.start);
  room()?.querySelectorAll(".is-current").forEach((one) => one.classList.remove("is-current"));
  const number = mark.dataset.mark;
  for (const one of [mark, room()?.querySelector(`[data-of="${number}"]`), room()?.querySelector(`[data-row="${number}"]`)]) {
    one?.classList.add("is-current");
  }
  if (!still) {
    mark.scrollIntoView({ block: "nearest" });
    room()?.querySelector(`[data-of="${number}"]`)?.scrollIntoView({ block: "nearest" });
  }
}

/** @param {number} step 1 or -1 */
function walk(step) {
  const waiting = marks().filter((mark) => mark.dataset.fate === "waiting");
  const ahead = waiting.filter((mark) => (Number(mark.dataset.start) - current) * step > 0);
  go(step > 0 ? (ahead[0] ?? waiting[0]) : (ahead.at(-1) ?? waiting.at(-1)));
}

/**
 * Sends one of the page's own forms.
 *
 * @param {Record<string, string>} fields
 */
function send(fields) {
  const form = room()?.querySelector("form[data-add]");
  if (!(form instanceof HTMLFormElement)) return;
  for (const [name, value] of Object.entries({ words: "", ...fields })) {
    let field = form.elements.namedItem(name);
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name });
      form.append(field);
    }
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
  }
  form.requestSubmit();
}

/** @param {"accept" | "remove" | "undo"} deed @param {boolean} alike */
function decide(deed, alike) {
  const mark = here();
  if (mark && mark.dataset.fate !== "certain") {
    send({ deed, start: mark.dataset.start ?? "", end: mark.dataset.end ?? "", ...(alike ? { alike: "on" } : {}) });
  }
}

/** Characters as the server counts them: a letter outside of the basic plane is one. @param {string} text */
function length(text) {
  return [...text].length;
}

/** @returns {{start: number, end: number} | null} what is selected on the left */
function selected() {
  const source = room()?.querySelector("[data-source]");
  const selection = getSelection();
  const range = selection?.rangeCount ? selection.getRangeAt(0) : null;
  if (!source || !range || range.collapsed || !source.contains(range.commonAncestorContainer)) return null;
  const before = document.createRange();
  before.setStart(source, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const start = length(before.toString());
  return { start, end: start + length(range.toString()) };
}

/** @param {number} number of the kind, from 1 */
function cover(number) {
  const kinds = [...(room()?.querySelectorAll("form[data-add] option") ?? [])].map((option) => option.textContent ?? "");
  const kind = kinds[number - 1];
  const place = selected();
  if (kind && place) {
    current = place.start;
    send({ deed: "add", kind, start: String(place.start), end: String(place.end) });
  }
}

/** @type {Record<string, (shift: boolean) => void>} */
const KEYS = {
  n: () => walk(1),
  p: () => walk(-1),
  a: (shift) => decide("accept", shift),
  r: (shift) => decide("remove", shift),
  u: () => decide("undo", false),
  f: () => {
    const button = room()?.querySelector('button[value="finish"]');
    if (button instanceof HTMLButtonElement) button.click();
  },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLElement && event.target.closest("input, select, textarea, button");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !room()?.hasAttribute("data-open")) return;
  const run = KEYS[event.key.toLowerCase()];
  if (run) {
    run(event.shiftKey);
  } else if (/^[1-9]$/.test(event.key)) {
    cover(Number(event.key));
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const mark = event.target instanceof HTMLElement ? event.target.closest("[data-source] mark") : null;
  if (mark instanceof HTMLElement) go(mark, true);
});

/** The two sides are read together. */
function together() {
  const sides = [...(room()?.querySelectorAll(".review-text") ?? [])];
  for (const side of sides) {
    side.addEventListener("scroll", () => {
      const other = sides.find((one) => one !== side);
      const share = side.scrollTop / Math.max(1, side.scrollHeight - side.clientHeight);
      const wanted = share * ((other?.scrollHeight ?? 0) - (other?.clientHeight ?? 0));
      if (other && side.matches(":hover, :focus") && Math.abs(other.scrollTop - wanted) > 1) other.scrollTop = wanted;
    });
  }
}

let scrolled = 0;
document.addEventListener("htmx:beforeSwap", () => {
  scrolled = room()?.querySelector("[data-source]")?.scrollTop ?? 0;
});
document.addEventListener("htmx:afterSwap", () => {
  for (const side of room()?.querySelectorAll(".review-text") ?? []) side.scrollTop = scrolled;
  together();
  const mark = here();
  if (mark && mark.dataset.fate === "waiting") go(mark, true);
  else if (marks().some((one) => one.dataset.fate === "waiting")) walk(1);
  else go(mark, true);
});

together();
walk(1);
