/**
 * @file One layer per reader: shown or hidden. In a blind reading the others never come from the server at all.
 */

/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./shapes.js").Shapes} Shapes */

export class Layers {
  #root;
  #shapes;
  #me;
  #onToggle;
  #said = "";

  /**
   * @param {HTMLElement} root
   * @param {Shapes} shapes
   * @param {string} me
   * @param {() => void} onToggle
   */
  constructor(root, shapes, me, onToggle) {
    this.#root = root;
    this.#shapes = shapes;
    this.#me = me;
    this.#onToggle = onToggle;
  }

  /** @param {Drafts} drafts */
  refresh(drafts) {
    /** @type {Map<string, number>} */
    const counts = new Map([[this.#me, 0]]);
    for (const { author } of drafts.all) {
      counts.set(author, (counts.get(author) ?? 0) + 1);
    }
    const saying = JSON.stringify([...counts]);
    if (saying !== this.#said) {
      this.#said = saying;
      this.#root.replaceChildren(...[...counts].map(([author, count]) => this.#row(author, count)));
      this.#root.hidden = counts.size < 2;
    }
  }

  /** @param {string} author @param {number} count */
  #row(author, count) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !this.#shapes.hidden.has(author);
    box.addEventListener("change", () => {
      this.#shapes.hidden[box.checked ? "delete" : "add"](author);
      this.#shapes.repaint();
      this.#onToggle();
    });
    label.append(box, ` ${author === this.#me ? "Mine" : author} (${count})`);
    return label;
  }
}
