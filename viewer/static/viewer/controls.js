/**
 * @file What stands around the picture: magnification, scale bar, status, link.
 */

import { power, presets } from "./engine/zoom.js";
import { readPlace, readState, writeLink } from "./link.js";
import { part } from "./panel/part.js";
import { scaleBar } from "./scalebar.js";

/** @typedef {import("./types.js").PaintState} PaintState */
/** @typedef {import("./types.js").Viewer} Viewer */

const SCALE_PX = 160;
const LINK_PAUSE_MS = 250;
const SAID_MS = 2000;

/** @param {Viewer} viewer */
export function bindMagnification({ root, header, view }) {
  const bar = part(root, "[data-presets]", HTMLElement);
  for (const { label, resolution } of presets(header.magnification, header.pixelSizeUm)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => view.animate({ resolution, duration: 200 }));
    bar.append(button);
  }
}

/**
 * Scale bar and the magnification shown.
 *
 * @param {Viewer} viewer
 */
export function followView({ root, header, view }) {
  const bar = part(root, "[data-scale-bar]", HTMLElement);
  const magnification = part(root, "[data-magnification]", HTMLElement);
  const follow = () => {
    const resolution = view.getResolution() ?? 1;
    if (header.pixelSizeUm > 0) {
      const { label, px } = scaleBar(header.pixelSizeUm * resolution, SCALE_PX);
      bar.textContent = label;
      bar.style.width = `${px}px`;
    }
    bar.hidden = !(header.pixelSizeUm > 0);
    magnification.textContent = `${Number((power(header.magnification, header.pixelSizeUm) / resolution).toPrecision(2))}×`;
  };
  view.on("propertychange", follow);
  follow();
}

/**
 * Layer and memory, and what a test may wait for.
 *
 * @param {HTMLElement} root
 * @returns {(report: import("./engine/mosaic.js").FrameReport) => void}
 */
export function status(root) {
  const memory = part(root, "[data-memory]", HTMLElement);
  const megabytes = (/** @type {number} */ bytes) => Math.round(bytes / (1 << 20));
  return ({ level, complete, narrow, bare, bytes, budget }) => {
    Object.assign(root.dataset, { level, complete, bare, bytes, budget });
    const less = narrow ? " · coarser, to keep to the memory" : "";
    memory.textContent = `layer ${level} · ${megabytes(bytes)} of ${megabytes(budget)} MB${less}`;
  };
}

/**
 * The address of what is seen: written when the view rests, followed when somebody edits it, copied by a button.
 *
 * @param {Viewer} viewer
 * @param {string} prefix of its names
 * @returns {{write: () => void, copy: () => void}}
 */
export function bindLink(viewer, prefix) {
  const { root, view, state, first } = viewer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  const now = () => writeLink(viewer.place(), state, first, { hash: location.hash, prefix });
  const write = () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      history.replaceState(null, "", now());
      const detail = { ...viewer.place(), z: state.z, t: state.t, mirrored: state.mirrored };
      root.dispatchEvent(new CustomEvent("viewer:view", { bubbles: true, detail }));
    }, LINK_PAUSE_MS);
  };
  const follow = () => {
    adopt(state, readState(location.hash, first, prefix));
    const place = readPlace(location.hash, prefix);
    if (place) {
      viewer.go(place);
    }
    viewer.refresh();
  };
  const button = part(root, "[data-copy-link]", HTMLButtonElement);
  const copy = () => {
    const url = new URL(location.href);
    url.hash = now();
    navigator.clipboard.writeText(url.href).then(() => say(button, "Copied"), () => say(button, "Not allowed: copy the address bar"));
  };
  button.addEventListener("click", copy);
  view.on("propertychange", write);
  addEventListener("hashchange", follow);
  follow();
  return { write, copy };
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} word
 */
function say(button, word) {
  const label = button.dataset.label ?? button.textContent ?? "";
  button.dataset.label = label;
  button.textContent = word;
  setTimeout(() => (button.textContent = label), SAID_MS);
}

/**
 * Changes a state in place: panels hold on to its channels.
 *
 * @param {PaintState} state
 * @param {PaintState} wanted
 */
function adopt(state, { channels, picture, ...rest }) {
  Object.assign(state, rest);
  Object.assign(state.picture, picture);
  channels.forEach((channel, i) => Object.assign(state.channels[i] ?? {}, channel));
}
