/**
 * @file Undo and redo of what was drawn, as pairs of deeds.
 */

/** @typedef {{undo: () => void, redo: () => void}} Deed */

const KEPT = 200;

export class History {
  /** @type {Deed[]} */
  #done = [];
  /** @type {Deed[]} */
  #undone = [];

  /** @param {Deed} deed that was just done */
  push(deed) {
    this.#done.push(deed);
    this.#undone = [];
    if (this.#done.length > KEPT) {
      this.#done.shift();
    }
  }

  undo() {
    const deed = this.#done.pop();
    if (deed) {
      deed.undo();
      this.#undone.push(deed);
    }
    return Boolean(deed);
  }

  redo() {
    const deed = this.#undone.pop();
    if (deed) {
      deed.redo();
      this.#done.push(deed);
    }
    return Boolean(deed);
  }
}
