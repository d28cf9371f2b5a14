/**
 * @file The mosaic: paints what is there of a view, and asks for what it lacks.
 *
 * While a layer is on its way the fields show what other layer is still in memory, so nothing goes blank on zooming.
 */

import { blockGrid } from "./blocks.js";
import { Kept } from "./keeping.js";
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
 * @property {import("./source.js").ChunkSource} source
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
  #kept = new Kept();
  #painter;
  #store;
  #scenes;
  #loader;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {MosaicOptions} options
   */
  constructor(canvas, { header, layout, source, decode, onChange, onProblem, budget }) {
    this.#header = header;
    this.#grids = header.levels.map((level) => blockGrid(header, level));
    this.#painter = new Painter(canvas, header);
    this.#store = new BlockStore(this.#painter, budget);
    this.#scenes = new Scenes(this.#grids, layout, this.#store);
    const onBatch = (/** @type {BatchWish} */ wish, /** @type {(ArrayBuffer | null)[]} */ planes) => {
      this.#store.keep(wish, planes);
      onChange(this.#loader.isLast);
    };
    this.#loader = new BatchLoader({ source, decode, onBatch, onProblem });
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.#store.lost();
      this.#painter.restart();
      this.#kept.forget();
      onChange(true);
    });
  }

  /**
   * Paints one frame and asks for what it lacks.
   *
   * @param {Camera} wanted
   * @param {PaintState} state
   * @param {boolean} [moving] the view is on its way somewhere
   * @returns {FrameReport}
   */
  frame(wanted, state, moving = false) {
    const found = passes(state.channels);
    const groups = found.length ? found : [NOTHING];
    const shown = groups.flatMap((pass) => pass.channels);
    this.#store.begin(shown);
    const { position, narrow } = this.#scenes.level(wanted, state);
    const look = JSON.stringify([position, wanted.resolution, wanted.sin, wanted.cos, wanted.size, state]);
    if (groups.length > 1) {
      this.#kept.forget(); // sums are made of the whole picture
    }
    const { camera, moved, due } = this.#kept.plan(wanted, look, moving);
    const views = groups.map((pass) => camera.moved(pass.dx, pass.dy));
    const scenes = groups.map((pass, i) => this.#scenes.see(position, views[i] ?? camera, state, pass.channels));
    this.#painter.move(moved);
    for (const rect of due ?? [null]) {
      this.#painter.within(rect);
      this.#pictures(groups, scenes, views, state);
    }
    this.#kept.painted(camera, look, scenes.flatMap((scene) => scene.unfinished));
    const missing = groups.flatMap((_, i) => this.#wishes(position, scenes[i]?.missing ?? [], shown));
    const deferred = scenes.some((scene) => scene.deferred);
    const painted = !missing.length && !deferred;
    this.#loader.want(painted ? this.#ahead(position, camera, state, shown) : missing);
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
   * @param {Pass[]} groups
   * @param {Scene[]} scenes of each pass
   * @param {Camera[]} views of each pass
   * @param {PaintState} state
   */
  #pictures(groups, scenes, views, state) {
    groups.forEach((pass, i) => {
      this.#painter.begin(glass(state, pass.channels, this.#header.modality), state.profile, groups.length > 1);
      this.#painter.show(state.channels, pass.channels, state.picture);
      this.#paint(scenes[i], views[i], false);
      if (groups.length > 1) {
        this.#painter.add(i === 0);
      }
    });
    if (groups.length > 1) {
      this.#painter.finish(state.profile);
    }
    if (state.borders) {
      this.#paint(scenes[0], views[0], true);
    }
  }

  /**
   * @param {Scene | undefined} scene
   * @param {Camera | undefined} camera
   * @param {boolean} borders rather than pixels
   */
  #paint(scene, camera, borders) {
    if (!scene || !camera) {
      return;
    }
    for (const { grid, quads } of scene.layers) {
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
   * @param {number[]} channels
   */
  #ahead(position, camera, state, channels) {
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
