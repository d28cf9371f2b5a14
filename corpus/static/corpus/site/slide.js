/**
 * @file The viewer's page of a site: a slide painted from byte ranges of the release's own file.
 *
 * Data attributes: slide (address of its JSON), index (where each chunk lies), file, thumbnail.
 */

import { ranges } from "../../viewer/engine/ranges.js";
import { json } from "../../viewer/opening.js";
import { show, tellProblem } from "../../viewer/show.js";
import { showDrawn } from "./drawn.js";

/**
 * As corpus/site/viewing.py writes it.
 *
 * @typedef {object} SiteSlide
 * @property {string} format
 * @property {number} version
 * @property {{bytes: number, complete?: import("../../viewer/engine/abbreviated.js").Completion[]}} file
 * @property {import("../../viewer/types.js").SlideHeader} header
 * @property {import("../../viewer/panel/histogram.js").ChannelHistogram[]} channels
 */

/** @param {string} url */
async function bytesOf(url) {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`A file of this site is missing (${response.status}).`);
  }
  return response.arrayBuffer();
}

/** @param {HTMLElement} root */
async function start(root) {
  const { slide, index = "", file = "" } = root.dataset;
  const [about, places] = await Promise.all([
    /** @type {Promise<SiteSlide>} */ (json(slide, tellProblem(root))),
    bytesOf(index),
  ]);
  if (about.format !== "nocturne-site-slide" || about.version !== 1) {
    throw new Error("This page and the data of its slide are of different sites. Reload the page.");
  }
  const source = ranges(about.header, { ...about.file, url: file }, places);
  await showDrawn(show(root, about.header, about.channels, source));
}

for (const root of document.querySelectorAll("[data-viewer]")) {
  if (root instanceof HTMLElement) {
    start(root).catch((error) => tellProblem(root)(error instanceof Error ? error.message : String(error)));
  }
}
