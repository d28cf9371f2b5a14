/**
 * @file Two slides side by side that pan, zoom and turn together, until one is unlocked and moved by itself.
 */

import { alike, coupled } from "./coupling.js";
import { viewerOf } from "./handle.js";
import { readPlace } from "./link.js";
import { part } from "./panel/part.js";

/** @typedef {import("./types.js").Viewer} Viewer */
/** @typedef {import("./link.js").Place} Place */

/** @param {Viewer} viewer */
function seen(viewer) {
  return { ...viewer.place(), mirrored: viewer.state.mirrored };
}

class Pair {
  #viewers;
  #button;
  /** Where each of them is when the other has moved; null while they are unlocked. @type {((place: ReturnType<typeof seen>) => Place)[] | null} */
  #relation = null;
  #following = false;

  /**
   * @param {[Viewer, Viewer]} viewers
   * @param {HTMLButtonElement} button
   */
  constructor(viewers, button) {
    this.#viewers = viewers;
    this.#button = button;
    button.addEventListener("click", () => this.toggle());
    viewers.forEach((viewer, i) => viewer.view.on("propertychange", () => this.#moved(i)));
    this.lock();
  }

  toggle() {
    if (this.#relation) {
      this.#relation = null;
      this.#show("Lock (l)", false);
    } else {
      this.lock();
    }
  }

  lock() {
    const [left, right] = this.#viewers;
    this.#relation = [coupled(seen(left), seen(right)), coupled(seen(right), seen(left))];
    this.#show("Unlock (l)", true);
  }

  /**
   * @param {string} label
   * @param {boolean} pressed
   */
  #show(label, pressed) {
    this.#button.textContent = label;
    this.#button.setAttribute("aria-pressed", String(pressed));
  }

  /** @param {number} index of the one that has moved */
  #moved(index) {
    const other = this.#viewers[1 - index];
    const moved = this.#viewers[index];
    if (!this.#relation || this.#following || !other || !moved) {
      return;
    }
    const mirror = this.#relation[index];
    this.#following = true;
    if (mirror) {
      other.go(mirror(seen(moved)));
    }
    this.#following = false;
  }
}

/** @param {HTMLElement} page */
async function start(page) {
  const [left, right] = await Promise.all([...page.querySelectorAll("[data-viewer]")].map(viewerOf));
  if (!left || !right) {
    throw new Error("The page does not show two slides.");
  }
  if (!readPlace(location.hash, right.root.dataset.linkPrefix)) {
    right.go(alike(left.header, right.header, left.place()));
  }
  const pair = new Pair([left, right], part(page, "[data-lock]", HTMLButtonElement));
  for (const viewer of [left, right]) {
    viewer.addKeys([
      { key: "l", help: "lock or unlock the two slides", run: () => pair.toggle() },
      { key: "o", help: "to the other slide", run: () => part((viewer === left ? right : left).root, "[data-map]", HTMLElement).focus() },
    ]);
  }
  page.dataset.ready = "true";
}

const page = document.querySelector("[data-beside]");
if (page instanceof HTMLElement) {
  start(page).catch((error) => {
    const problem = part(page, "[data-beside-problem]", HTMLElement);
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  });
}
