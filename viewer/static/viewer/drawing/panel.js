/**
 * @file The form of the chosen annotation, and the line that says what is saved.
 */

import { part } from "../panel/part.js";
import { measured } from "./measure.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./draft.js").Content} Content */
/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./deeds.js").Deeds} Deeds */
/** @typedef {import("./tools.js").DrawingTools} DrawingTools */
/** @typedef {import("./list.js").AnnotationList} AnnotationList */

const TYPING_PAUSE_MS = 500;

/** Bindings of the form's two texts. @type {["label", "comment"]} */
const TEXTS = ["label", "comment"];
/** @type {["mine", "theirs", "both"]} */
const WAYS_OUT = ["mine", "theirs", "both"];

export class AnnotationPanel {
  #root;
  #drafts;
  #deeds;
  #tools;
  #list;
  #pixelSizeUm;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** Hands over what is being typed. @type {(() => void) | null} */
  #pending = null;
  #refreshing = false;

  /**
   * @param {HTMLElement} root
   * @param {{drafts: Drafts, deeds: Deeds, tools: DrawingTools, list: AnnotationList, pixelSizeUm: number}} parts
   */
  constructor(root, { drafts, deeds, tools, list, pixelSizeUm }) {
    this.#root = root;
    this.#drafts = drafts;
    this.#deeds = deeds;
    this.#tools = tools;
    this.#list = list;
    this.#pixelSizeUm = pixelSizeUm;
    for (const name of TEXTS) {
      this.#field(name).addEventListener("input", () => this.#typed());
      this.#field(name).addEventListener("change", () => this.flush());
    }
    for (const way of WAYS_OUT) {
      this.#button(way).addEventListener("click", () => this.#settle(way));
    }
    this.#button("delete").addEventListener("click", () => tools.deleteSelected());
    this.#button("join").addEventListener("click", () => tools.merge());
    this.#button("retry").addEventListener("click", () => drafts.retry());
    this.#button("discard").addEventListener("click", () => tools.selected && drafts.discard(tools.selected));
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

  /** @param {string} name */
  #part(name) {
    return part(this.#root, `[data-annotation-${name}]`, HTMLElement);
  }

  #typed() {
    const id = this.#tools.selected;
    const change = { label: this.#field("label").value.trim(), comment: this.#field("comment").value };
    clearTimeout(this.#typing);
    this.#pending = () => {
      if (id) {
        this.#deeds.do([{ id, to: change }]);
      }
    };
    this.#typing = setTimeout(() => this.flush(), TYPING_PAUSE_MS);
    this.refresh();
  }

  /** What is typed and not handed over yet. */
  get typing() {
    return this.#pending !== null;
  }

  /** Sends at once what is being typed. */
  flush() {
    clearTimeout(this.#typing);
    const pending = this.#pending;
    this.#pending = null;
    pending?.();
  }

  /** @param {"mine" | "theirs" | "both"} choice */
  #settle(choice) {
    const id = this.#tools.selected;
    if (id) {
      this.#drafts.settle(id, choice);
      this.showSelected();
    }
  }

  /** Fills the form with the chosen annotation. */
  showSelected() {
    this.flush();
    const { chosen, selected } = this.#tools;
    const draft = selected ? this.#drafts.get(selected) : null;
    this.#part("form").hidden = chosen.length === 0;
    this.#part("one").hidden = !draft;
    for (const name of TEXTS) {
      this.#field(name).value = draft?.[name] ?? "";
      this.#field(name).disabled = !draft || !this.#drafts.mayEdit(draft);
    }
    this.#write();
    if (selected) {
      this.#list.reveal(selected);
    }
  }

  /** Writes the list and the states anew, once per frame however much changed. */
  refresh() {
    if (!this.#refreshing) {
      this.#refreshing = true;
      setTimeout(() => this.#write(), 16); // a hidden tab has no frames, and still says what is saved
    }
  }

  #write() {
    this.#refreshing = false;
    const { all, unsaved, readOnly } = this.#drafts;
    const { chosen, selected } = this.#tools;
    this.#list.refresh(all, chosen);
    this.#part("empty").hidden = all.length > 0;
    this.#about(chosen, selected ? this.#drafts.get(selected) : null);
    this.#button("retry").hidden = !all.some(({ state }) => state === "waiting" || state === "refused");
    if (this.#pending) {
      this.#status("Typing, not saved yet", true);
    } else if (unsaved) {
      this.#status(`${unsaved} not saved yet`, true);
    } else if (readOnly) {
      this.#status("Read only: annotations belong to the slide's reader.", false);
    } else {
      this.#status(`All ${all.length} saved`, false);
    }
  }

  /** @param {string[]} chosen @param {Draft | null} selected */
  #about(chosen, selected) {
    const own = chosen.filter((id) => {
      const draft = this.#drafts.get(id);
      return draft && this.#drafts.mayEdit(draft);
    });
    const size = selected ? measured(selected.geometry, this.#pixelSizeUm) : "";
    const whose = own.length < chosen.length ? " Not all are yours to change." : "";
    this.#part("about").textContent = selected ? size : `${chosen.length} chosen.${whose}`;
    this.#button("delete").disabled = own.length === 0;
    this.#button("join").hidden = own.length < 2;
    this.#part("problem").textContent = selected?.problem ?? "";
    this.#part("conflict").hidden = !selected?.theirs;
    this.#part("theirs-text").textContent = selected?.theirs ? both(selected, selected.theirs, this.#pixelSizeUm) : "";
    this.#button("mine").hidden = Boolean(selected?.theirs?.locked);
    this.#button("discard").hidden = selected?.state !== "refused";
  }

  /**
   * @param {string} text
   * @param {boolean} pending
   */
  #status(text, pending) {
    const line = this.#part("status");
    line.textContent = text;
    line.dataset.pending = String(pending);
  }
}

/**
 * @param {Draft} mine
 * @param {Content & {version: number}} theirs
 * @param {number} pixelSizeUm
 */
function both(mine, theirs, pixelSizeUm) {
  const said = (/** @type {Content} */ { label, comment, deleted, geometry }) => deleted
    ? "deleted"
    : [label || "no label", comment && `“${comment}”`, measured(geometry, pixelSizeUm)].filter(Boolean).join(", ");
  return `Theirs (version ${theirs.version}): ${said(theirs)}. Yours: ${said(mine)}.`;
}
