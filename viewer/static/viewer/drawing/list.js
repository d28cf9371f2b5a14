/**
 * @file The list of annotations: ten thousand of them, of which only the rows in sight are in the page.
 */

import { measured } from "./measure.js";

/** @typedef {import("./draft.js").Draft} Draft */

export const NAMES = {
  rectangle: "Rectangle", ellipse: "Ellipse", freehand: "Outline", polygon: "Polygon", line: "Line", ruler: "Ruler",
  point: "Point",
};
const STATES = {
  saved: "saved", saving: "saving…", waiting: "waiting for the server", conflict: "changed elsewhere", refused: "refused",
};
const ROW_PX = 34;
const SPARE = 6;

export class AnnotationList {
  #root;
  #show;
  #pixelSizeUm;
  #colour;
  /** @type {Draft[]} */
  #drafts = [];
  /** @type {Set<string>} */
  #chosen = new Set();

  /**
   * @param {HTMLElement} root an ordered list that scrolls
   * @param {{pixelSizeUm: number, show: (id: string) => void, colour: (draft: Draft) => string}} options
   */
  constructor(root, { pixelSizeUm, show, colour }) {
    this.#root = root;
    this.#show = show;
    this.#pixelSizeUm = pixelSizeUm;
    this.#colour = colour;
    root.addEventListener("scroll", () => this.#write(), { passive: true });
  }

  /**
   * @param {Draft[]} drafts
   * @param {string[]} chosen
   */
  refresh(drafts, chosen) {
    this.#drafts = drafts;
    this.#chosen = new Set(chosen);
    this.#write();
  }

  /** Scrolls to a row. @param {string} id */
  reveal(id) {
    const at = this.#drafts.findIndex(({ client_id: other }) => other === id) * ROW_PX;
    const { scrollTop, clientHeight } = this.#root;
    if (at >= 0 && (at < scrollTop || at + ROW_PX > scrollTop + clientHeight)) {
      this.#root.scrollTop = at - clientHeight / 2;
    }
  }

  #write() {
    const focused = document.activeElement instanceof HTMLElement && this.#root.contains(document.activeElement)
      ? document.activeElement.dataset.id : null;
    const first = Math.max(0, Math.floor(this.#root.scrollTop / ROW_PX) - SPARE);
    const last = Math.ceil((this.#root.scrollTop + (this.#root.clientHeight || 300)) / ROW_PX) + SPARE;
    const rows = this.#drafts.slice(first, last).map((draft, i) => this.#row(draft, first + i));
    this.#root.style.paddingTop = `${first * ROW_PX}px`;
    this.#root.style.paddingBottom = `${Math.max(0, this.#drafts.length - last) * ROW_PX}px`;
    this.#root.replaceChildren(...rows);
    const again = focused ? this.#root.querySelector(`[data-id="${focused}"]`) : null;
    if (again instanceof HTMLElement) {
      again.focus({ preventScroll: true });
    }
  }

  /** @param {Draft} draft @param {number} at */
  #row(draft, at) {
    const item = document.createElement("li");
    item.setAttribute("aria-setsize", String(this.#drafts.length));
    item.setAttribute("aria-posinset", String(at + 1));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "viewer-annotation";
    button.dataset.id = draft.client_id;
    button.dataset.state = draft.state;
    button.setAttribute("aria-pressed", String(this.#chosen.has(draft.client_id)));
    const size = measured(draft.geometry, this.#pixelSizeUm);
    const about = document.createElement("span");
    about.textContent = `${draft.label || NAMES[draft.kind]}${size ? ` · ${size}` : ""}`;
    about.style.setProperty("--word", this.#colour(draft));
    const state = document.createElement("small");
    state.textContent = draft.locked ? "signed off" : STATES[draft.state];
    button.append(about, state);
    button.addEventListener("click", () => this.#show(draft.client_id));
    item.append(button);
    return item;
  }
}
