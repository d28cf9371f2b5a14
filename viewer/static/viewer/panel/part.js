/**
 * @file The page's elements, and inputs that show what a state says.
 */

/**
 * Element of a panel by its data attribute; the template is ours, so a missing one is a mistake to hear about.
 *
 * @template {Element} T
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(parent, selector, kind) {
  const found = parent.querySelector(selector);
  if (!(found instanceof kind)) {
    throw new Error(`The page has no ${selector}.`);
  }
  return found;
}

/**
 * @typedef {object} Binding
 * @property {HTMLInputElement} input
 * @property {() => number | boolean | string} get what the state says
 * @property {(value: string, checked: boolean) => void} set
 */

/** Inputs bound to a state: what is moved changes the state, and what changed elsewhere is shown. */
export class Bound {
  #bindings;
  #onShow;

  /**
   * @param {Binding[]} bindings
   * @param {() => void} onChange the state was changed by an input
   * @param {() => void} [onShow] the inputs show the state anew
   */
  constructor(bindings, onChange, onShow = () => {}) {
    this.#bindings = bindings;
    this.#onShow = onShow;
    for (const { input, set } of bindings) {
      input.addEventListener("input", () => {
        set(input.value, input.checked);
        this.refresh(input);
        onChange();
      });
    }
    this.refresh();
  }

  /** @param {HTMLInputElement} [typed] which is left alone: a person is writing in it */
  refresh(typed) {
    for (const { input, get } of this.#bindings) {
      const value = get();
      if (typeof value === "boolean") {
        input.checked = value;
      } else if (input !== typed || input.type === "range") {
        input.value = String(value);
      }
    }
    this.#onShow();
  }
}
