/**
 * @file The mosaic: paints what is there of a view, and asks for what it lacks.
 *
 * While a layer is on its way the fields show what other layer is still in memory, so nothing goes blank on zooming.
 */

import { blockGrid } from "./blocks.js";
import { BatchLoader } from "./loader.js";
import { glass, passes } from "./mixing.js";
import { Painter } from "./painter.js";
import { Scenes } from "./scene.js";
import { BlockStore } from "./store.js";
import { tapsPerAxis } from "./zoom.js";

/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("../types.js").PaintState} PaintState */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./loader.js").BatchWish} BatchWish */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {ReturnType<typeof passes>[number]} Pass */

/**
 * @typedef {object} MosaicOptions
 * @property {SlideHeader} header
 * @property {import("./layout.js").MosaicLayout} layout
 * @property {(wish: BatchWish) => string} address
 * @property {(buffer: ArrayBuffer, wish: BatchWish) => Promise<(ArrayBuffer | null)[]>} decode
 * @property {(all: boolean) => void} onChange something new can be painted; whether it is all that was asked for
 * @property {(problem: string | null) => void} onProblem
 * @property {number} budget bytes
 */

/**
 * @typedef {object} FrameReport
 * @property {number} level downsample of the layer wanted
 * @property {boolean} complete everything in view that memory has room for is painted from that layer
 * @property {boolean} deferred the next frame can paint more
 * @property {boolean} narrow memory made the layer coarser than the screen is
 * @property {number} bare fields in view of which nothing is painted yet
 * @property {number} bytes in memory
 * @property {number} budget
 */

/** Painted where no channel is shown. @type {Pass} */
const NOTHING = { dx: 0, dy: 0, channels: [] };

export class Mosaic {
  #header;
  #grids;
  #painter;
  #store;
  #scenes;
  #loader;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {MosaicOptions} options
   */
  constructor(canvas, { header, layout, address, decode, onChange, onProblem, budget }) {
    this.#header = header;
    this.#grids = header.levels.map((level) => blockGrid(header, level));
    this.#painter = new Painter(canvas, header);
    this.#store = new BlockStore(this.#painter, budget);
    this.#scenes = new Scenes(this.#grids, layout, this.#store);
    const onBatch = (/** @type {BatchWish} */ wish, /** @type {(ArrayBuffer | null)[]} */ planes) => {
      this.#store.keep(wish, planes);
      onChange(this.#loader.isLast);
    };
    this.#loader = new BatchLoader({ address, decode, onBatch, onProblem });
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.#store.lost();
      this.#painter.restart();
      onChange(true);
    });
  }

  /**
   * Paints one frame and asks for what it lacks.
   *
   * @param {Camera} camera
   * @param {PaintState} state
   * @returns {FrameReport}
   */
  frame(camera, state) {
    this.#store.begin();
    const { position, narrow } = this.#scenes.level(camera, state);
    const found = passes(state.channels);
    const groups = found.length ? found : [NOTHING];
    const views = groups.map((pass) => camera.moved(pass.dx, pass.dy));
    const scenes = groups.map((pass, i) => this.#scenes.see(position, views[i] ?? camera, state, pass.channels));
    groups.forEach((pass, i) => {
      this.#painter.begin(glass(state, pass.channels, this.#header.modality), state.profile, groups.length > 1);
      this.#painter.show(state.channels, pass.channels, state.picture);
      this.#paint(scenes[i], views[i] ?? camera, false);
      if (groups.length > 1) {
        this.#painter.add(i === 0);
      }
    });
    if (groups.length > 1) {
      this.#painter.finish(state.profile);
    }
    if (state.borders) {
      this.#paint(scenes[0], views[0] ?? camera, true);
    }
    const missing = groups.flatMap((pass, i) => this.#wishes(position, scenes[i]?.missing ?? [], pass.channels));
    const deferred = scenes.some((scene) => scene.deferred);
    const painted = !missing.length && !deferred;
    this.#loader.want(painted ? this.#ahead(position, camera, state, groups) : missing);
    return {
      level: this.#grids[position]?.level.downsample ?? 1,
      complete: painted,
      deferred,
      narrow,
      bare: scenes.reduce((sum, scene) => sum + scene.bare, 0),
      bytes: this.#store.bytes + this.#painter.sumBytes,
      budget: this.#store.budget,
    };
  }

  /**
   * @param {Scene | undefined} scene
   * @param {Camera} camera
   * @param {boolean} borders rather than pixels
   */
  #paint(scene, camera, borders) {
    for (const { grid, quads } of scene?.layers ?? []) {
      const { downsample } = grid.level;
      this.#painter.paint(quads, {
        ...camera.steps(downsample),
        texels: grid.texels,
        taps: tapsPerAxis(camera.resolution, downsample),
        smooth: downsample > 1,
        border: borders ? Math.max(1, camera.resolution) / downsample : 0,
      });
    }
  }

  /**
   * @param {number} position
   * @param {Camera} camera
   * @param {PaintState} state
   * @param {Pass[]} groups
   */
  #ahead(position, camera, state, groups) {
    const channels = groups.flatMap((pass) => pass.channels);
    const worth = this.#scenes.ahead(position, camera, state, channels);
    return worth.flatMap(({ position, blocks }) => this.#wishes(position, blocks, channels));
  }

  /**
   * @param {number} position of the layer
   * @param {number[]} blocks most wanted first
   * @param {number[]} channels
   * @returns {BatchWish[]}
   */
  #wishes(position, blocks, channels) {
    const grid = /** @type {BlockGrid} */ (this.#grids[position]);
    const together = this.#header.encoding === "jpeg"; // the channels of a JPEG come together
    const wished = together ? this.#header.channels.map((_, i) => i) : channels.toSorted((a, b) => a - b);
    const batches = new Set(blocks.map((block) => Math.floor(block / grid.perBatch)));
    return [...batches].map((batch) => ({ batch, grid, channels: wished }));
  }
}
