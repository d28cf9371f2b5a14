/**
 * @file One slide in its element: picture, panels, keys, link. Where it comes from does not matter here.
 */

import { bindLink, bindMagnification, followView, status } from "./controls.js";
import { announce } from "./handle.js";
import { listenToKeys } from "./keys.js";
import { createMap } from "./map.js";
import { budgetOf, firstState } from "./opening.js";
import { ChannelPanel } from "./panel/channels.js";
import { part } from "./panel/part.js";
import { PicturePanel } from "./panel/picture.js";
import { ViewPanel } from "./panel/view.js";
import { preload } from "./preload.js";
import { shortcuts } from "./shortcuts.js";

/** @typedef {import("./types.js").SlideHeader} SlideHeader */
/** @typedef {import("./types.js").PaintState} PaintState */
/** @typedef {import("./types.js").Viewer} Viewer */
/** @typedef {import("./panel/histogram.js").ChannelHistogram} ChannelHistogram */
/** @typedef {import("./engine/source.js").ChunkSource} ChunkSource */

/** @param {HTMLElement} root */
export function tellProblem(root) {
  const problem = part(root, "[data-problem]", HTMLElement);
  return (/** @type {string | null} */ text) => {
    problem.textContent = text ?? "";
    problem.hidden = !text;
  };
}

/**
 * @param {HTMLElement} root
 * @param {SlideHeader} header
 * @param {PaintState} state
 * @param {() => void} refresh
 * @param {ChunkSource} [source]
 * @returns {Viewer}
 */
function makeViewer(root, header, state, refresh, source) {
  const { chunks = "", tiles = "", thumbnail = "" } = root.dataset;
  const first = structuredClone(state);
  const told = status(root);
  const { map, view, extent, whole, repaint } = createMap(part(root, "[data-map]", HTMLElement), header, {
    urls: { chunks, tiles, thumbnail },
    source,
    state,
    budget: budgetOf(root.dataset.memoryMb, document.querySelectorAll("[data-viewer]").length),
    onFrame: (report) => {
      told(report);
      if (report.complete) {
        const screen = /** @type {[number, number]} */ ((map.getSize() ?? [1, 1]).map((side) => side * devicePixelRatio));
        preload(document.querySelector("link[data-next-slide]"), screen).catch(() => {}); // it opens all the same
      }
    },
    onProblem: tellProblem(root),
  });
  return {
    root, header, state, first, map, view, extent, whole,
    addKeys: startKeys(root),
    refresh: () => {
      refresh();
      repaint();
    },
    place: () => {
      const [x = 0, y = 0] = view.getCenter() ?? [];
      return { x, y: -y, resolution: view.getResolution() ?? 1, rotation: view.getRotation() };
    },
    go: ({ x, y, resolution, rotation }) => {
      view.setRotation(rotation);
      view.setResolution(resolution);
      view.setCenter([x, -y]);
    },
  };
}

/**
 * @param {Viewer} viewer
 * @param {ChannelHistogram[]} histograms
 * @param {() => void} changed
 */
function makePanels({ root, header, state, view }, histograms, changed) {
  const brightfield = header.modality === "brightfield";
  const channels = new ChannelPanel(root, state.channels, histograms, changed);
  const picture = new PicturePanel(root, state, header.profile, changed);
  const lies = new ViewPanel(root, view, header, state, changed);
  part(root, "[data-group=picture]", HTMLDetailsElement).hidden = !brightfield;
  part(root, "[data-group=channels]", HTMLDetailsElement).open = !brightfield;
  return { channels, picture, lies };
}

/**
 * @param {HTMLElement} root
 * @returns {(bindings: import("./keys.js").KeyBinding[]) => void} adds keys
 */
function startKeys(root) {
  const dialog = part(root, "[data-help]", HTMLDialogElement);
  const add = listenToKeys(root, part(root, "[data-keys]", HTMLElement));
  add([{ key: "?", help: "this list", run: () => (dialog.open ? dialog.close() : dialog.showModal()) }]);
  part(root, "[data-help-open]", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
  return add;
}

/**
 * Shows a slide. The element's data: chunks, tiles, thumbnail (addresses), link-prefix, memory-mb.
 *
 * @param {HTMLElement} root
 * @param {SlideHeader} header
 * @param {ChannelHistogram[]} histograms
 * @param {ChunkSource} [source] of its chunks, where it is not the server
 * @returns {Viewer}
 */
export function show(root, header, histograms, source) {
  const state = firstState(header, histograms);
  /** @type {{refresh: () => void}[]} */
  const panels = [];
  const viewer = makeViewer(root, header, state, () => panels.forEach((panel) => panel.refresh()), source);
  const { channels, picture, lies } = makePanels(viewer, histograms, () => {
    viewer.refresh();
    link.write();
  });
  panels.push(channels, picture, lies);
  followView(viewer);
  bindMagnification(viewer);
  const link = bindLink(viewer, root.dataset.linkPrefix ?? "");
  viewer.addKeys(shortcuts(viewer, channels, lies, link.copy));
  root.dataset.ready = "true";
  announce(viewer);
  return viewer;
}
