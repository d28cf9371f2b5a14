/**
 * @file Starts the viewer on each element with `data-viewer`.
 *
 * Data attributes: header, histogram, chunks, tiles, thumbnail (addresses), annotations (address of the collection, or
 * empty for none), csrf, slide (uid), read-only (present where the person may look but not draw), link-prefix (of the second
 * of two slides), memory-mb (what its pictures may keep in memory).
 */

import { bindLink, bindMagnification, followView, status } from "./controls.js";
import { startDetection } from "./detection.js";
import { startDrawing } from "./drawing/start.js";
import { announce } from "./handle.js";
import { listenToKeys } from "./keys.js";
import { createMap } from "./map.js";
import { budgetOf, firstState, json } from "./opening.js";
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

/** @param {HTMLElement} root */
function tellProblem(root) {
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
 * @returns {Viewer}
 */
function makeViewer(root, header, state, refresh) {
  const { chunks = "", tiles = "", thumbnail = "" } = root.dataset;
  const first = structuredClone(state);
  const told = status(root);
  const { map, view, extent, whole, repaint } = createMap(part(root, "[data-map]", HTMLElement), header, {
    urls: { chunks, tiles, thumbnail },
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

/** @param {HTMLElement} root */
async function start(root) {
  const told = tellProblem(root);
  const [header, { channels: histograms }] = await Promise.all([
    /** @type {Promise<SlideHeader>} */ (json(root.dataset.header, told)),
    /** @type {Promise<{channels: ChannelHistogram[]}>} */ (json(root.dataset.histogram, told)),
  ]);
  const state = firstState(header, histograms);
  /** @type {{refresh: () => void}[]} */
  const panels = [];
  const viewer = makeViewer(root, header, state, () => panels.forEach((panel) => panel.refresh()));
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
  startDetection(viewer).catch(() => {}); // the slide can be read without
  viewer.addKeys(await startDrawing(root, viewer.map, header.pixelSizeUm));
}

for (const root of document.querySelectorAll("[data-viewer]")) {
  if (root instanceof HTMLElement) {
    start(root).catch((error) => tellProblem(root)(error instanceof Error ? error.message : String(error)));
  }
}
