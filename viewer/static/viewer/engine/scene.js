/**
 * @file What a view consists of: which layer, which blocks of which fields, what stands in for those that are missing.
 */

import { partsOf } from "./blocks.js";
import { chooseLevel } from "./zoom.js";

/** @typedef {import("../types.js").PaintState} PaintState */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./layout.js").Box} Box */
/** @typedef {import("./painter.js").Quad} Quad */

/**
 * @typedef {object} Scene
 * @property {{grid: BlockGrid, quads: Quad[]}[]} layers coarse ones first, as they are painted
 * @property {number[]} missing blocks of the wanted layer, nearest first
 * @property {boolean} deferred the next frame can paint more
 * @property {number} bare fields of which nothing can be painted yet
 * @property {import("./keeping.js").Rect[]} unfinished where the screen shows a stand-in, or nothing
 */

/** Share of the screen beyond each of its edges that is worth fetching beforehand. */
const AHEAD = 0.5;

export class Scenes {
  #grids;
  #layout;
  #store;

  /**
   * @param {BlockGrid[]} grids finest first
   * @param {import("./layout.js").MosaicLayout} layout
   * @param {import("./store.js").BlockStore} store
   */
  constructor(grids, layout, store) {
    this.#grids = grids;
    this.#layout = layout;
    this.#store = store;
  }

  /**
   * The layer to paint: the coarsest that still looks sharp, or a coarser one where memory has no room for that.
   *
   * @param {Camera} camera
   * @param {PaintState} state
   * @returns {{position: number, narrow: boolean}}
   */
  level(camera, state) {
    const sharp = chooseLevel(this.#grids.map((grid) => grid.level.downsample), camera.resolution);
    const fits = (/** @type {number} */ position) => this.#store.fits(this.#grid(position), this.#blocks(position, camera.box(), state).length);
    let position = sharp;
    while (position < this.#grids.length - 1 && !fits(position)) {
      position++;
    }
    return { position, narrow: position !== sharp || !fits(position) };
  }

  /** @param {number} position */
  #grid(position) {
    return /** @type {BlockGrid} */ (this.#grids[position]);
  }

  /**
   * @param {number} position
   * @param {Box} box
   * @param {PaintState} state
   * @returns {number[]} blocks of a layer that hold what the box shows
   */
  #blocks(position, box, state) {
    const grid = this.#grid(position);
    const blocks = new Set();
    for (const field of this.#layout.query(box, state)) {
      partsOf(grid, field, this.#layout.origin(field, state.registered), box).forEach((part) => blocks.add(part.block));
    }
    return [...blocks];
  }

  /**
   * Blocks worth fetching when the view itself is painted: the whole slide's coarsest layer, so that no place is ever
   * bare, and what lies next to the view. Each only where it is small beside the memory.
   *
   * @param {number} position
   * @param {Camera} camera
   * @param {PaintState} state
   * @param {number[]} channels
   * @returns {{position: number, blocks: number[]}[]}
   */
  ahead(position, camera, state, channels) {
    const last = this.#grids.length - 1;
    const coarse = { position: last, blocks: this.#blocks(last, [-Infinity, -Infinity, Infinity, Infinity], state) };
    const near = { position, blocks: this.#blocks(position, camera.box(AHEAD), state) };
    return [coarse, near].flatMap(({ position, blocks }) => {
      const grid = this.#grid(position);
      const lacking = blocks.filter((block) => !this.#store.has(grid, block, channels));
      return lacking.length * grid.planeBytes * channels.length <= this.#store.spare ? [{ position, blocks: lacking }] : [];
    });
  }

  /**
   * @param {number} position of the wanted layer
   * @param {Camera} camera
   * @param {PaintState} state
   * @param {number[]} channels
   * @returns {Scene}
   */
  see(position, camera, state, channels) {
    const layers = this.#grids.map((grid) => ({ grid, quads: /** @type {Quad[]} */ ([]) }));
    /** @type {Map<number, number>} */
    const missing = new Map();
    let deferred = false;
    let bare = 0;
    /** @type {import("./keeping.js").Rect[]} */
    const unfinished = [];
    for (const field of this.#layout.query(camera.box(), state)) {
      const origin = this.#layout.origin(field, state.registered);
      const wanted = this.#field(position, field, origin, camera, channels);
      layers[position]?.quads.push(...wanted.quads);
      deferred ||= wanted.deferred;
      for (const block of wanted.missing) {
        const distance = Math.hypot(origin[0] - camera.centre[0], origin[1] - camera.centre[1]);
        missing.set(block, Math.min(distance, missing.get(block) ?? Infinity));
      }
      if (wanted.lacks) {
        unfinished.push(camera.rect(...origin, ...this.#layout.size));
        const other = this.#fallback(position, field, origin, camera, channels);
        layers[other.position]?.quads.push(...other.quads);
        bare += other.quads.length || wanted.quads.length ? 0 : 1;
      }
    }
    const order = [...missing].sort((a, b) => a[1] - b[1]).map(([block]) => block);
    return { layers: layers.reverse(), missing: order, deferred, bare, unfinished };
  }

  /**
   * @param {number} position
   * @param {number} field
   * @param {[number, number]} origin
   * @param {Camera} camera
   * @param {number[]} channels
   */
  #field(position, field, origin, camera, channels) {
    const grid = this.#grid(position);
    const { downsample } = grid.level;
    const anchor = camera.anchor(origin, grid.texels, downsample);
    const found = { quads: /** @type {Quad[]} */ ([]), missing: /** @type {number[]} */ ([]), deferred: false, lacks: false };
    for (const part of partsOf(grid, field, origin, camera.box())) {
      const { block, state } = this.#store.take(grid, part.block, channels);
      if (state === "missing") {
        found.missing.push(part.block);
      }
      found.deferred ||= state === "deferred";
      found.lacks ||= state !== "ready" && state !== "absent";
      if (block) {
        const width = (part.right - part.left) * downsample;
        const height = (part.bottom - part.top) * downsample;
        const place = camera.quad(origin[0] + part.left * downsample, origin[1] + part.top * downsample, width, height);
        found.quads.push({ texture: block.texture, layer: part.slot * grid.packs, part, anchor, ...place });
      }
    }
    return found;
  }

  /**
   * The nearest other layer that is wholly in memory for this field: coarser ones first, then finer.
   *
   * @param {number} position
   * @param {number} field
   * @param {[number, number]} origin
   * @param {Camera} camera
   * @param {number[]} channels
   * @returns {{position: number, quads: Quad[]}}
   */
  #fallback(position, field, origin, camera, channels) {
    const others = this.#grids.map((_, other) => other).filter((other) => other !== position);
    others.sort((a, b) => Number(a < position) - Number(b < position) || Math.abs(a - position) - Math.abs(b - position));
    for (const other of others) {
      const parts = partsOf(this.#grid(other), field, origin, camera.box());
      if (parts.every((part) => this.#store.has(this.#grid(other), part.block, channels))) {
        const { quads, lacks } = this.#field(other, field, origin, camera, channels);
        if (quads.length && !lacks) {
          return { position: other, quads };
        }
      }
    }
    return { position, quads: [] };
  }
}
