// @ts-check
/**
 * @file The reading page: time really spent on the slide, and no signature while a stroke is not saved.
 *
 * Time counts while the page is seen and something moved in the last minute; idle time is left out.
 */

const IDLE_MS = 60_000;
const TICK_MS = 1_000;

/** @param {Document} page */
function start(page) {
  const form = page.querySelector("[data-reading-submit]");
  const viewer = page.querySelector("[data-viewer]");
  const field = page.querySelector("[data-active-seconds]");
  const refusal = page.querySelector("[data-reading-refusal]");
  if (!(form instanceof HTMLFormElement) || !(field instanceof HTMLInputElement)) return;
  countInto(page, field);
  form.addEventListener("submit", (event) => {
    const unsaved = viewer instanceof HTMLElement ? Number(viewer.dataset.unsaved ?? 0) : 0;
    if (unsaved === 0) return;
    event.preventDefault();
    if (refusal instanceof HTMLElement) {
      refusal.hidden = false;
      refusal.textContent = `${unsaved} ${unsaved === 1 ? "annotation is" : "annotations are"} not saved yet. Sign off when the list says saved.`;
    }
  });
  viewer?.addEventListener("annotations:state", (event) => {
    const { unsaved } = /** @type {CustomEvent<{unsaved: number}>} */ (event).detail;
    if (unsaved === 0 && refusal instanceof HTMLElement) refusal.hidden = true;
  });
}

/**
 * @param {Document} page
 * @param {HTMLInputElement} field
 */
function countInto(page, field) {
  let last = performance.now();
  let active = 0;
  for (const type of ["pointermove", "pointerdown", "wheel", "keydown", "touchstart"]) {
    page.addEventListener(type, () => (last = performance.now()), { passive: true, capture: true });
  }
  setInterval(() => {
    if (page.visibilityState === "visible" && performance.now() - last < IDLE_MS) active += TICK_MS / 1000;
    field.value = String(active);
  }, TICK_MS);
}

start(document);
