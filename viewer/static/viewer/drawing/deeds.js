/**
 * @file What was done, to be undone and done again: also after it was saved, as the next version.
 */

/** @typedef {import("./draft.js").Content} Content */
/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {{id: string, to: Partial<Content>}} Change */
/** @typedef {Partial<Content> & Pick<Content, "kind" | "geometry">} NewShape */
/** @typedef {{id: string, before: Partial<Content>, after: Partial<Content>}} Step */

const KEPT = 500;

export class Deeds {
  /** @type {Step[][]} */
  #done = [];
  /** @type {Step[][]} */
  #undone = [];
  #drafts;

  /** @param {Drafts} drafts */
  constructor(drafts) {
    this.#drafts = drafts;
  }

  /**
   * One deed: changes of what is there, and what comes new. They are undone together.
   *
   * @param {Change[]} changes
   * @param {NewShape[]} [shapes]
   * @returns {string[]} the ids of what came new
   */
  do(changes, shapes = []) {
    const steps = changes.flatMap(({ id, to }) => this.#step(id, to) ?? []);
    const added = shapes.map((shape) => this.#drafts.add(shape).client_id);
    const comings = added.map((id) => ({ id, before: { deleted: true }, after: { deleted: false } }));
    steps.forEach(({ id, after }) => this.#drafts.edit(id, after));
    if (steps.length + comings.length > 0) {
      this.#done.push([...steps, ...comings]);
      this.#undone = [];
      this.#done.splice(0, this.#done.length - KEPT);
    }
    return added;
  }

  /**
   * @param {string} id
   * @param {Partial<Content>} to
   * @returns {Step | null} null when that changes nothing
   */
  #step(id, to) {
    const draft = this.#drafts.get(id);
    if (!draft || !this.#drafts.mayEdit(draft)) {
      return null;
    }
    const names = /** @type {(keyof Content)[]} */ (Object.keys(to));
    const before = Object.fromEntries(names.map((name) => [name, draft[name]]));
    return JSON.stringify(before) === JSON.stringify(to) ? null : { id, before, after: to };
  }

  undo() {
    const steps = this.#done.pop();
    [...(steps ?? [])].reverse().forEach(({ id, before }) => this.#drafts.edit(id, before));
    if (steps) {
      this.#undone.push(steps);
    }
    return Boolean(steps);
  }

  redo() {
    const steps = this.#undone.pop();
    steps?.forEach(({ id, after }) => this.#drafts.edit(id, after));
    if (steps) {
      this.#done.push(steps);
    }
    return Boolean(steps);
  }
}
