/**
 * @file How the slide lies on the screen: rotation, mirror, focus layer, time point, registration, field borders.
 */

import { Bound, part } from "./part.js";

/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("../types.js").PaintState} PaintState */

const QUARTER = Math.PI / 2;
const TURN_MS = 150;

export class ViewPanel {
  #root;
  #view;
  #state;
  #header;
  #onChange;
  #bound;

  /**
   * @param {HTMLElement} root
   * @param {import("ol/View.js").default} view
   * @param {SlideHeader} header
   * @param {PaintState} state changed in place
   * @param {() => void} onChange
   */
  constructor(root, view, header, state, onChange) {
    this.#root = root;
    this.#view = view;
    this.#state = state;
    this.#header = header;
    this.#onChange = onChange;
    this.#limit("z", header.layers);
    this.#limit("t", header.times);
    this.#input("registered").disabled = !header.fields?.registeredX;
    this.#input("registered").closest("label")?.toggleAttribute("hidden", header.kind === "vendor");
    this.#input("borders").closest("label")?.toggleAttribute("hidden", header.kind === "vendor");
    this.#bound = new Bound(this.#bindings(), onChange, () => this.#read());
    const press = (/** @type {string} */ name, /** @type {() => void} */ run) =>
      part(root, `[data-${name}]`, HTMLButtonElement).addEventListener("click", run);
    press("turn-left", () => this.turn(-1));
    press("turn-right", () => this.turn(1));
    press("upright", () => this.upright());
    view.on("change:rotation", () => this.#bound.refresh());
  }

  /** @param {string} name */
  #input(name) {
    return part(this.#root, `[data-${name}]`, HTMLInputElement);
  }

  /**
   * @param {"z" | "t"} name
   * @param {number} count
   */
  #limit(name, count) {
    this.#input(name).max = String(count - 1);
    part(this.#root, `[data-${name}-row]`, HTMLElement).hidden = count < 2;
    this.#state[name] = Math.min(this.#state[name], count - 1);
  }

  /** @returns {import("./part.js").Binding[]} */
  #bindings() {
    const state = this.#state;
    const toggle = (/** @type {"mirrored" | "registered" | "borders"} */ name) => ({
      input: this.#input(name),
      get: () => state[name],
      set: (/** @type {string} */ _, /** @type {boolean} */ checked) => void (state[name] = checked),
    });
    const slider = (/** @type {"z" | "t"} */ name) => ({
      input: this.#input(name),
      get: () => state[name],
      set: (/** @type {string} */ value) => void (state[name] = Number(value)),
    });
    const rotation = {
      input: this.#input("rotation"),
      get: () => this.#degrees(),
      set: (/** @type {string} */ value) => this.#view.setRotation((Number(value) * Math.PI) / 180 * this.#hand),
    };
    return [rotation, toggle("mirrored"), toggle("registered"), toggle("borders"), slider("z"), slider("t")];
  }

  /** In a mirror a clockwise turn is seen as one to the left. */
  get #hand() {
    return this.#state.mirrored ? -1 : 1;
  }

  /** What is seen, -180..180. */
  #degrees() {
    const turned = Math.round((this.#view.getRotation() * this.#hand * 180) / Math.PI);
    return ((((turned + 180) % 360) + 360) % 360) - 180;
  }

  #read() {
    part(this.#root, "[data-degrees]", HTMLElement).textContent = `${this.#degrees()}°`;
    for (const [name, count] of /** @type {["z" | "t", number][]} */ ([["z", this.#header.layers], ["t", this.#header.times]])) {
      part(this.#root, `[data-${name}-reading]`, HTMLElement).textContent = `${this.#state[name] + 1} of ${count}`;
    }
  }

  /** @param {number} quarters to the right, as it is seen */
  turn(quarters) {
    const now = Math.round(this.#view.getRotation() / QUARTER);
    this.#view.animate({ rotation: (now + quarters * this.#hand) * QUARTER, duration: TURN_MS });
  }

  upright() {
    this.#view.animate({ rotation: 0, duration: TURN_MS });
  }

  /**
   * @param {"z" | "t"} axis
   * @param {number} step
   */
  go(axis, step) {
    const count = axis === "z" ? this.#header.layers : this.#header.times;
    this.#state[axis] = Math.min(count - 1, Math.max(0, this.#state[axis] + step));
    this.#changed();
  }

  /** @param {"mirrored" | "registered" | "borders"} name */
  flip(name) {
    if (!this.#input(name).disabled) {
      this.#state[name] = !this.#state[name];
      this.#changed();
    }
  }

  #changed() {
    this.#bound.refresh();
    this.#onChange();
  }

  refresh() {
    this.#bound.refresh();
  }
}
