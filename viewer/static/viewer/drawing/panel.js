/**
 * @file The list of annotations, the form of the selected one, and the line that says what is saved.
 */

import { part } from "../panel/channels.js";
import { shapeArea } from "./geometry.js";

/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./drafts.js").Draft} Draft */
/** @typedef {import("./tools.js").DrawingTools} DrawingTools */

const NAMES = {
  rectangle: "Rectangle", ellipse: "Ellipse", freehand: "Outline", polygon: "Polygon", line: "Line", point: "Point",
};
const STATES = {
  saved: "saved", saving: "saving…", unsaved: "not saved yet", conflict: "changed elsewhere", refused: "refused",
};
const TYPING_PAUSE_MS = 500;

/** Bindings of the form's two texts. @type {["label", "comment"]} */
const TEXTS = ["label", "comment"];

export class AnnotationPanel {
  #root;
  #drafts;
  #tools;
  #pixelSizeUm;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** Hands over what is being typed. @type {(() => void) | null} */
  #pending = null;

  /**
   * @param {HTMLElement} root
   * @param {Drafts} drafts
   * @param {DrawingTools} tools
   * @param {number} pixelSizeUm
   */
  constructor(root, drafts, tools, pixelSizeUm) {
    this.#root = root;
    this.#drafts = drafts;
    this.#tools = tools;
    this.#pixelSizeUm = pixelSizeUm;
    for (const name of TEXTS) {
      this.#field(name).addEventListener("input", () => this.#typed());
      this.#field(name).addEventListener("change", () => this.flush());
    }
    this.#button("delete").addEventListener("click", () => tools.deleteSelected());
    this.#button("retry").addEventListener("click", () => drafts.retry());
    this.#button("mine").addEventListener("click", () => this.#settle("mine"));
    this.#button("theirs").addEventListener("click", () => this.#settle("theirs"));
  }

  /** @param {"label" | "comment"} name */
  #field(name) {
    const field = this.#root.querySelector(`[data-annotation-${name}]`);
    if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
      return field;
    }
    throw new Error(`The page has no field for the ${name}.`);
  }

  /** @param {string} name */
  #button(name) {
    return part(this.#root, `[data-annotation-${name}]`, HTMLButtonElement);
  }

  #typed() {
    const id = this.#tools.selected;
    const change = { label: this.#field("label").value.trim(), comment: this.#field("comment").value };
    clearTimeout(this.#typing);
    this.#pending = () => {
      if (id) {
        this.#drafts.edit(id, change);
      }
    };
    this.#typing = setTimeout(() => this.flush(), TYPING_PAUSE_MS);
    this.refresh();
  }

  /** Sends at once what is being typed. */
  flush() {
    clearTimeout(this.#typing);
    const pending = this.#pending;
    this.#pending = null;
    pending?.();
  }

  /** @param {"mine" | "theirs"} choice */
  #settle(choice) {
    if (this.#tools.selected) {
      this.#drafts.settle(this.#tools.selected, choice);
      this.showSelected(this.#tools.selected);
    }
  }

  /**
   * Fills the form with the chosen annotation.
   *
   * @param {string | null} id
   */
  showSelected(id) {
    this.flush();
    const draft = id ? this.#drafts.get(id) : null;
    part(this.#root, "[data-annotation-form]", HTMLElement).hidden = !draft;
    for (const name of TEXTS) {
      this.#field(name).value = draft?.[name] ?? "";
      this.#field(name).disabled = this.#drafts.readOnly;
    }
    this.refresh();
  }

  /** Writes the list and the states anew. */
  refresh() {
    const { all, unsaved, readOnly } = this.#drafts;
    const list = part(this.#root, "[data-annotation-list]", HTMLElement);
    list.replaceChildren(...all.map((draft) => this.#row(draft)));
    part(this.#root, "[data-annotation-empty]", HTMLElement).hidden = all.length > 0;
    const selected = this.#tools.selected ? this.#drafts.get(this.#tools.selected) : null;
    part(this.#root, "[data-annotation-problem]", HTMLElement).textContent = selected?.problem ?? "";
    part(this.#root, "[data-annotation-conflict]", HTMLElement).hidden = !selected?.theirs;
    part(this.#root, "[data-annotation-theirs-text]", HTMLElement).textContent = theirs(selected);
    this.#button("retry").hidden = !all.some(({ state }) => state === "unsaved" || state === "refused");
    if (readOnly) {
      this.#status("Read only: annotations belong to the slide's reader.", false);
    } else if (this.#pending) {
      this.#status("Typing, not saved yet", true);
    } else {
      this.#status(unsaved ? `${unsaved} not saved yet` : `All ${all.length} saved`, unsaved > 0);
    }
  }

  /**
   * @param {string} text
   * @param {boolean} pending
   */
  #status(text, pending) {
    const line = part(this.#root, "[data-annotation-status]", HTMLElement);
    line.textContent = text;
    line.dataset.pending = String(pending);
  }

  /** @param {Draft} draft */
  #row(draft) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "viewer-annotation";
    button.dataset.state = draft.state;
    button.setAttribute("aria-pressed", String(draft.client_id === this.#tools.selected));
    const mm2 = shapeArea(draft.geometry) * (this.#pixelSizeUm / 1000) ** 2;
    const about = document.createElement("span");
    about.textContent = `${draft.label || NAMES[draft.kind]}${mm2 ? ` · ${mm2.toPrecision(3)} mm²` : ""}`;
    const state = document.createElement("small");
    state.textContent = STATES[draft.state];
    button.append(about, state);
    button.addEventListener("click", () => this.#tools.show(draft.client_id));
    item.append(button);
    return item;
  }
}

/** @param {Draft | null} draft */
function theirs(draft) {
  if (!draft?.theirs) {
    return "";
  }
  const said = (/** @type {Partial<Draft>} */ { label, comment }) => `${label || "no label"}${comment ? `, “${comment}”` : ""}`;
  return `Theirs (version ${draft.theirs.version}): ${said(draft.theirs)}. Yours: ${said(draft)}.`;
}
