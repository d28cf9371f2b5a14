/**
 * @file What stands around the picture: magnification, toggles, scale bar, link, status.
 */

import { presets } from "./engine/zoom.js";
import { readLink, writeLink } from "./link.js";
import { part } from "./panel/channels.js";
import { scaleBar } from "./scalebar.js";

/** @typedef {import("ol/View.js").default} ViewType */
/** @typedef {import("./types.js").SlideHeader} SlideHeader */
/** @typedef {import("./types.js").PaintState} PaintState */

const SCALE_PX = 160;
const LINK_PAUSE_MS = 250;

/**
 * @param {HTMLElement} root
 * @param {SlideHeader} header
 * @param {ViewType} view
 */
export function bindMagnification(root, header, view) {
  const bar = part(root, "[data-presets]", HTMLElement);
  const known = header.pixelSizeUm || 0.5;
  for (const { label, resolution } of presets(header.magnification, known)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm btn-outline-secondary";
    button.textContent = label;
    button.addEventListener("click", () => view.animate({ resolution, duration: 200 }));
    bar.append(button);
  }
}

/**
 * Scale bar, magnification shown, and the address of this view.
 *
 * @param {HTMLElement} root
 * @param {SlideHeader} header
 * @param {ViewType} view
 */
export function followView(root, header, view) {
  const bar = part(root, "[data-scale-bar]", HTMLElement);
  const magnification = part(root, "[data-magnification]", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  const link = () => {
    const [x = 0, y = 0] = view.getCenter() ?? [];
    const place = { x, y: -y, resolution: view.getResolution() ?? 1, rotation: view.getRotation() };
    history.replaceState(null, "", writeLink(place));
  };
  const follow = () => {
    const resolution = view.getResolution() ?? 1;
    if (header.pixelSizeUm > 0) {
      const { label, px } = scaleBar(header.pixelSizeUm * resolution, SCALE_PX);
      bar.textContent = label;
      bar.style.width = `${px}px`;
    }
    bar.hidden = !(header.pixelSizeUm > 0);
    const power = (header.magnification || 10 / (header.pixelSizeUm || 0.5)) / resolution;
    magnification.textContent = `${Number(power.toPrecision(2))}×`;
    clearTimeout(pause);
    pause = setTimeout(link, LINK_PAUSE_MS);
  };
  view.on("change", follow);
  follow();
}

/**
 * Goes where the address says, at the start and when somebody edits it.
 *
 * @param {ViewType} view
 */
export function followLink(view) {
  const go = () => {
    const place = readLink(location.hash);
    if (place) {
      view.setCenter([place.x, -place.y]);
      view.setResolution(place.resolution);
      view.setRotation(place.rotation);
    }
  };
  go();
  addEventListener("hashchange", go);
}

/**
 * @param {HTMLElement} root
 * @param {SlideHeader} header
 * @param {PaintState} state
 * @param {() => void} repaint
 */
export function bindToggles(root, header, state, repaint) {
  const registered = part(root, "[data-registered]", HTMLInputElement);
  const borders = part(root, "[data-borders]", HTMLInputElement);
  const focus = part(root, "[data-focus]", HTMLInputElement);
  registered.disabled = !header.fields?.registeredX;
  registered.checked = state.registered;
  part(root, "[data-focus-row]", HTMLElement).hidden = header.layers < 2;
  focus.max = String(header.layers - 1);
  const read = () => {
    state.registered = registered.checked;
    state.borders = borders.checked;
    state.z = Number(focus.value);
    repaint();
  };
  [registered, borders, focus].forEach((input) => input.addEventListener("input", read));
  const flip = (/** @type {HTMLInputElement} */ input) => {
    if (!input.disabled) {
      input.checked = !input.checked;
      read();
    }
  };
  return { borders: () => flip(borders), registered: () => flip(registered) };
}
