/**
 * @file Starts the viewer on each element with `data-viewer`.
 *
 * Data attributes: header, histogram, chunks, tiles, thumbnail (addresses), annotations (address of the collection, or
 * empty for none), csrf, slide (uid), read-only (present where the person may look but not draw), link-prefix (of the second
 * of two slides), memory-mb (what its pictures may keep in memory).
 */

import { startDetection } from "./detection.js";
import { startDrawing } from "./drawing/start.js";
import { json } from "./opening.js";
import { show, tellProblem } from "./show.js";

/** @typedef {import("./types.js").SlideHeader} SlideHeader */
/** @typedef {import("./panel/histogram.js").ChannelHistogram} ChannelHistogram */

/** @param {HTMLElement} root */
async function start(root) {
  const told = tellProblem(root);
  const [header, { channels: histograms }] = await Promise.all([
    /** @type {Promise<SlideHeader>} */ (json(root.dataset.header, told)),
    /** @type {Promise<{channels: ChannelHistogram[]}>} */ (json(root.dataset.histogram, told)),
  ]);
  const viewer = show(root, header, histograms);
  startDetection(viewer).catch(() => {}); // the slide can be read without
  viewer.addKeys(await startDrawing(root, viewer.map, header.pixelSizeUm));
}

for (const root of document.querySelectorAll("[data-viewer]")) {
  if (root instanceof HTMLElement) {
    start(root).catch((error) => tellProblem(root)(error instanceof Error ? error.message : String(error)));
  }
}
