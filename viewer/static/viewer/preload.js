/**
 * @file The next slide is fetched while this one is read, so that it opens from the browser's cache.
 *
 * The page names it: `<link data-next-slide href="/viewer/<uid>/header.json?v=…">`.
 */

import { addresses, asMosaic } from "./engine/addresses.js";
import { blockGrid } from "./engine/blocks.js";
import { chooseLevel, fitting } from "./engine/zoom.js";

/** @typedef {import("./types.js").SlideHeader} SlideHeader */

const BETWEEN_MS = 50;

/**
 * The addresses of what the next slide shows first, at this size of the screen.
 *
 * @param {string} href of its header
 * @param {SlideHeader} given
 * @param {[number, number]} screen device px
 * @returns {string[]}
 */
export function firstNeeds(href, given, screen) {
  const base = href.slice(0, href.indexOf("header.json"));
  const header = asMosaic(given);
  const levels = header.levels.map((level) => level.downsample);
  const level = header.levels[chooseLevel(levels, fitting(header.width, header.height, screen))];
  const grid = level && blockGrid(header, level);
  const address = addresses(header, { chunks: `${base}chunks`, tiles: `${base}tile/` });
  const channels = header.channels.map((_, i) => i).slice(0, 16);
  const batches = grid ? Math.ceil(grid.count / grid.perBatch) : 0;
  return [
    `${base}histogram.json?v=${header.version}`,
    `${base}thumbnail.jpg?v=${header.version}`,
    ...Array.from({ length: batches }, (_, batch) => address({ batch, grid: /** @type {NonNullable<typeof grid>} */ (grid), channels })),
  ];
}

/**
 * @param {HTMLLinkElement | null} link
 * @param {[number, number]} screen device px
 */
export async function preload(link, screen) {
  if (!link || link.dataset.nextSlide) {
    return;
  }
  link.dataset.nextSlide = "under way";
  /** @type {RequestInit} */
  const calmly = { priority: "low", credentials: "same-origin" };
  const header = await fetch(link.href, calmly).then((response) => (response.ok ? response.json() : null));
  for (const address of header ? firstNeeds(link.href, header, screen) : []) {
    await fetch(address, calmly).then((response) => response.arrayBuffer());
    await new Promise((done) => setTimeout(done, BETWEEN_MS));
  }
  link.dataset.nextSlide = header ? "ready" : "refused";
}
