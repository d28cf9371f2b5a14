/**
 * @file The picture as a whole: brightness, contrast, gamma, colour profile.
 */

import { AS_IT_IS } from "../engine/mixing.js";
import { Bound, part } from "./part.js";

/** @typedef {import("../types.js").ColourProfile} ColourProfile */
/** @typedef {import("../types.js").PaintState} PaintState */

export class PicturePanel {
  #bound;

  /**
   * @param {HTMLElement} root
   * @param {PaintState} state changed in place
   * @param {ColourProfile | null} profile
   * @param {() => void} onChange
   */
  constructor(root, state, profile, onChange) {
    const { picture } = state;
    const input = (/** @type {string} */ name) => part(root, `[data-${name}]`, HTMLInputElement);
    const logarithmic = (/** @type {"contrast" | "gamma"} */ name) => ({
      input: input(`picture-${name}`),
      get: () => Math.log10(picture[name]),
      set: (/** @type {string} */ value) => void (picture[name] = 10 ** Number(value)),
    });
    input("profile").disabled = !profile?.matrix;
    part(root, "[data-profile-name]", HTMLElement).textContent = named(profile);
    this.#bound = new Bound(
      [
        {
          input: input("picture-brightness"),
          get: () => picture.brightness,
          set: (value) => void (picture.brightness = Number(value)),
        },
        logarithmic("contrast"),
        logarithmic("gamma"),
        { input: input("profile"), get: () => state.profile, set: (_, checked) => void (state.profile = checked) },
      ],
      onChange,
    );
    part(root, "[data-picture-reset]", HTMLButtonElement).addEventListener("click", () => {
      Object.assign(picture, AS_IT_IS);
      this.refresh();
      onChange();
    });
  }

  refresh() {
    this.#bound.refresh();
  }
}

/** @param {ColourProfile | null} profile */
function named(profile) {
  if (!profile) {
    return "This slide carries none.";
  }
  return profile.matrix ? profile.name : `${profile.name}: of a kind that is not painted by.`;
}
