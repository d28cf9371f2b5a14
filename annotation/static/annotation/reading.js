// @ts-check
/**
 * @file The reading page: time really spent on the slide, and no signature while a stroke is not saved.
 *
 * Time counts while the page has the focus and something moved in the last minute: idle time is left out, and of two
 * windows only the one that is worked in counts. The page tells its running total every half minute and when it is left.
 */

import { viewerOf } from "../viewer/handle.js";

const IDLE_MS = 60_000;
const TICK_MS = 1_000;
const TELL_MS = 30_000;
const SAVING_MS = 5_000;

/** @param {Document} page */
function start(page) {
  const form = page.querySelector("[data-reading-submit]");
  const viewer = page.querySelector("[data-viewer]");
  if (viewer) viewerOf(viewer).then(({ addKeys }) => addKeys(keys(page)));
  const field = page.querySelector("[data-active-seconds]");
  const refusal = page.querySelector("[data-reading-refusal]");
  if (!(form instanceof HTMLFormElement) || !(field instanceof HTMLInputElement)) return;
  const total = countInto(page, field);
  tellSittings(page, form, total);
  if (viewer instanceof HTMLElement) holdUntilSaved(form, viewer, refusal instanceof HTMLElement ? refusal : null);
}

/**
 * The keys of reading, beside those of looking and drawing; a word of the study has one letter, these have none.
 *
 * @param {Document} page
 * @returns {import("../viewer/keys.js").KeyBinding[]}
 */
function keys(page) {
  /** @type {[string, string, string, (found: HTMLElement) => void][]} */
  const known = [
    ["Ctrl+Enter", "sign off, and to the next slide", ".reading-sign", (found) => found.click()],
    ["F2", "fold the report, or show it", "[data-report-fold]", (found) => found.toggleAttribute("open")],
    ["F8", "the picture is not good enough: choose why", "[data-complaint] button", (found) => found.focus()],
    ["F9", "to the next slide, this one stays open", "[data-following]", (found) => found.click()],
  ];
  return known.flatMap(([key, help, selector, run]) => {
    const found = page.querySelector(selector);
    return found instanceof HTMLElement ? [{ key, help, run: () => run(found) }] : [];
  });
}

/**
 * Signing off waits for the last stroke, and says why when it cannot be saved.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement} viewer
 * @param {HTMLElement | null} refusal
 */
function holdUntilSaved(form, viewer, refusal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  const say = (/** @type {string} */ text) => {
    if (refusal) {
      refusal.hidden = text === "";
      refusal.textContent = text;
    }
  };
  const refuse = () => {
    const unsaved = Number(viewer.dataset.unsaved ?? 0);
    const these = unsaved === 1 ? "1 annotation is" : `${unsaved} annotations are`;
    waiting = undefined;
    say(`${these} not saved yet. Sign off when the list says saved.`);
  };
  form.addEventListener("submit", (event) => {
    viewer.dispatchEvent(new Event("annotations:flush"));
    if (Number(viewer.dataset.unsaved ?? 0) === 0) return;
    event.preventDefault();
    clearTimeout(waiting);
    say("Saving the last annotations, then signing off…");
    waiting = setTimeout(refuse, SAVING_MS);
  });
  viewer.addEventListener("annotations:state", (event) => {
    const { unsaved, stuck } = /** @type {CustomEvent<{unsaved: number, stuck: number}>} */ (event).detail;
    const asked = waiting !== undefined;
    if (unsaved === 0) {
      clearTimeout(waiting);
      waiting = undefined;
      say("");
      if (asked) form.requestSubmit();
    } else if (asked && stuck > 0) {
      clearTimeout(waiting);
      refuse();
    }
  });
}

/**
 * @param {Document} page
 * @param {HTMLInputElement} field
 * @returns {() => number} the seconds so far
 */
function countInto(page, field) {
  let last = performance.now();
  let active = 0;
  for (const type of ["pointermove", "pointerdown", "wheel", "keydown", "touchstart"]) {
    page.addEventListener(type, () => (last = performance.now()), { passive: true, capture: true });
  }
  setInterval(() => {
    const here = page.visibilityState === "visible" && page.hasFocus();
    if (here && performance.now() - last < IDLE_MS) active += TICK_MS / 1000;
    field.value = String(active);
  }, TICK_MS);
  return () => active;
}

/**
 * Tells the server the running total of this page view, under an id of its own: a message that is lost or comes twice
 * does no harm.
 *
 * @param {Document} page
 * @param {HTMLFormElement} form
 * @param {() => number} total
 */
function tellSittings(page, form, total) {
  const { sittings } = form.dataset;
  const field = form.querySelector("[data-sitting]");
  const token = form.querySelector("[name=csrfmiddlewaretoken]");
  if (!sittings || !(field instanceof HTMLInputElement) || !(token instanceof HTMLInputElement)) return;
  field.value = newId();
  let told = 0;
  const tell = () => {
    if (total() === told) return;
    told = total();
    const message = new FormData();
    message.set("csrfmiddlewaretoken", token.value);
    message.set("client_id", field.value);
    message.set("active_s", String(told));
    navigator.sendBeacon(sittings, message);
  };
  setInterval(tell, TELL_MS);
  page.addEventListener("visibilitychange", () => page.visibilityState === "hidden" && tell());
  addEventListener("pagehide", tell);
}

/** A random UUID; `crypto.randomUUID` is missing where the page came without TLS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

start(document);
