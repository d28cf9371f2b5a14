/**
 * @file The mosaic: decides what a view needs, asks for it, and paints what is there.
 *
 * While a layer is on its way the fields show what coarser layer is still in memory, so nothing goes blank on zooming.
 */

import { batchRange, blockGrid, partsOf } from "./blocks.js";
import { Camera } from "./camera.js";
import { BatchLoader } from "./loader.js";
import { ByteLru } from "./lru.js";
import { Painter } from "./painter.js";
import { chooseLevel, tapsPerAxis } from "./zoom.js";

/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("../types.js").PaintState} PaintState */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {import("./painter.js").BlockTexture} BlockTexture */
/** @typedef {import("./painter.js").Quad} Quad */

/** Uploads that one frame may do; the rest follow in the next one, so panning stays smooth. */
const UPLOAD_BYTES_PER_FRAME = 24 << 20;

/**
 * @typedef {object} MosaicOptions
 * @property {SlideHeader} header
 * @property {import("./layout.js").MosaicLayout} layout
 * @property {string} chunksUrl
 * @property {(buffer: ArrayBuffer, channels: number[]) => Promise<(ArrayBuffer | null)[]>} decode
 * @property {() => void} onChange something new can be painted
 * @property {(problem: string | null) => void} onProblem
 * @property {number} [chunkBudget] bytes
 * @property {number} [textureBudget] bytes
 */

/**
 * @typedef {object} FrameReport
 * @property {number} level downsample of the layer wanted
 * @property {boolean} complete everything in view is painted from that layer
 * @property {boolean} waiting chunks are on their way; otherwise an incomplete frame only waits for the next one
 * @property {number} chunkBytes decoded pixels in memory
 * @property {number} textureBytes
 */

export class Mosaic {
  #options;
  #grids;
  #painter;
  #loader;
  /** @type {ByteLru<ArrayBuffer>} */
  #chunks;
  /** @type {ByteLru<BlockTexture>} */
  #textures;
  /** Chunks that the slide does not have. @type {Set<string>} */
  #absent = new Set();
  #uploaded = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {MosaicOptions} options
   */
  constructor(canvas, options) {
    const { header } = options;
    this.#options = options;
    this.#grids = header.levels.map((level) => blockGrid(header, level));
    this.#painter = new Painter(canvas, header.channels.length, header.dtype === "uint16");
    this.#chunks = new ByteLru(options.chunkBudget ?? 256 << 20);
    this.#textures = new ByteLru(options.textureBudget ?? 384 << 20, (block) => this.#painter.release(block));
    this.#loader = new BatchLoader({
      url: options.chunksUrl,
      version: header.version,
      together: header.encoding === "jpeg",
      decode: options.decode,
      onBatch: (wish, planes) => this.#keep(wish, planes),
      onProblem: options.onProblem,
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
    const { header, layout } = this.#options;
    const box = camera.box();
    const fields = layout.query(box, { registered: state.registered, z: state.z, t: 0 });
    const position = this.#level(camera, fields.length);
    const shown = state.channels.flatMap((channel, i) => (channel.shown ? [i] : []));
    this.#uploaded = 0;
    const layers = this.#quads(position, fields, camera, state, shown);
    this.#painter.begin(header.modality === "brightfield" ? [1, 1, 1] : [0, 0, 0], state.channels);
    for (const { grid, quads } of layers.painted) {
      const downsample = grid.level.downsample;
      const taps = tapsPerAxis(camera.resolution, downsample);
      const border = state.borders ? Math.max(1, camera.resolution / downsample) : 0;
      const smooth = downsample > 1;
      this.#painter.paint(quads, { ...camera.steps(downsample), taps, smooth, border });
    }
    this.#ask(position, layers.missing, shown);
    return {
      level: header.levels[position]?.downsample ?? 1,
      waiting: layers.missing.length > 0,
      complete: layers.missing.length === 0 && !layers.deferred,
      chunkBytes: this.#chunks.bytes,
      textureBytes: this.#textures.bytes,
    };
  }

  /**
   * @param {Camera} camera
   * @param {number} fields in view
   */
  #level(camera, fields) {
    const { header } = this.#options;
    const box = camera.box();
    const area = (box[2] - box[0]) * (box[3] - box[1]);
    const budget = this.#textures.budget / 2;
    const sample = header.dtype === "uint16" ? 2 : 1;
    const fits = (/** @type {number} */ position) => {
      const level = header.levels[position];
      if (!level) {
        return true;
      }
      const all = fields * level.width * level.height;
      const seen = (2 * area) / level.downsample ** 2;
      return Math.min(all, seen) * sample * header.channels.length <= budget;
    };
    return chooseLevel(header.levels.map((level) => level.downsample), camera.resolution, fits);
  }

  /**
   * What can be painted, coarse layers first, and which blocks of the wanted layer are missing (nearest first).
   *
   * @param {number} position of the wanted layer
   * @param {number[]} fields
   * @param {Camera} camera
   * @param {PaintState} state
   * @param {number[]} shown channels
   */
  #quads(position, fields, camera, state, shown) {
    const painted = this.#grids.map((grid) => ({ grid, quads: /** @type {Quad[]} */ ([]) }));
    /** @type {Map<number, number>} */
    const missing = new Map();
    let deferred = false;
    for (const field of fields) {
      const origin = this.#options.layout.origin(field, state.registered);
      const wanted = this.#field(position, field, origin, camera, shown);
      painted[position]?.quads.push(...wanted.quads);
      deferred ||= wanted.deferred;
      for (const block of wanted.missing) {
        const distance = Math.hypot(origin[0] - camera.centre[0], origin[1] - camera.centre[1]);
        missing.set(block, Math.min(distance, missing.get(block) ?? Infinity));
      }
      if (wanted.missing.length || wanted.deferred) {
        const coarser = this.#fallback(position, field, origin, camera, shown);
        painted[coarser.position]?.quads.push(...coarser.quads);
      }
    }
    const order = [...missing].sort((a, b) => a[1] - b[1]).map(([block]) => block);
    return { painted: painted.reverse(), missing: order, deferred };
  }

  /**
   * @param {number} position
   * @param {number} field
   * @param {[number, number]} origin
   * @param {Camera} camera
   * @param {number[]} shown
   */
  #field(position, field, origin, camera, shown) {
    const grid = /** @type {BlockGrid} */ (this.#grids[position]);
    const channels = this.#options.header.channels.length;
    const { downsample } = grid.level;
    /** @type {Quad[]} */
    const quads = [];
    /** @type {number[]} */
    const missing = [];
    let deferred = false;
    for (const part of partsOf(grid, field, origin, camera.box())) {
      const { block, state } = this.#texture(grid, part.block, shown);
      if (state === "missing") {
        missing.push(part.block);
      }
      deferred ||= state === "deferred";
      if (block && state === "ready") {
        const { x, y, width, height, slot } = part;
        const place = camera.quad(origin[0] + x, origin[1] + y, width * downsample, height * downsample);
        quads.push({ texture: block.texture, layer: slot * channels, width, height, ...place });
      }
    }
    return { quads, missing, deferred };
  }

  /**
   * The nearest other layer that is wholly in memory for this field: coarser ones first, then finer.
   *
   * @param {number} position
   * @param {number} field
   * @param {[number, number]} origin
   * @param {Camera} camera
   * @param {number[]} shown
   */
  #fallback(position, field, origin, camera, shown) {
    const others = this.#grids.map((_, other) => other).filter((other) => other !== position);
    others.sort((a, b) => Number(a < position) - Number(b < position) || Math.abs(a - position) - Math.abs(b - position));
    for (const other of others) {
      const { quads, missing, deferred } = this.#field(other, field, origin, camera, shown);
      if (quads.length && !missing.length && !deferred) {
        return { position: other, quads };
      }
    }
    return { position, quads: [] };
  }

  /**
   * A block's texture with the shown channels, uploading what is decoded and fits in this frame.
   *
   * @param {BlockGrid} grid
   * @param {number} number of the block
   * @param {number[]} shown
   * @returns {{block: BlockTexture | null, state: "ready" | "missing" | "deferred" | "absent"}}
   */
  #texture(grid, number, shown) {
    const key = `${grid.level.downsample}/${number}`;
    let block = this.#textures.get(key) ?? null;
    const lacking = shown.filter((channel) => !block?.present.has(channel));
    if (!lacking.length) {
      return { block, state: block ? "ready" : "absent" };
    }
    if (lacking.some((channel) => this.#absent.has(`${key}/${channel}`))) {
      return { block: null, state: "absent" };
    }
    const planes = lacking.map((channel) => this.#chunks.get(`${key}/${channel}`));
    if (planes.some((plane) => !plane)) {
      return { block, state: "missing" };
    }
    if (this.#uploaded >= UPLOAD_BYTES_PER_FRAME) {
      return { block, state: "deferred" };
    }
    if (!block) {
      block = this.#painter.allocate(grid);
      this.#textures.set(key, block, grid.blockBytes);
    }
    for (const [i, channel] of lacking.entries()) {
      this.#painter.upload(block, grid, channel, /** @type {ArrayBuffer} */ (planes[i]));
      this.#uploaded += grid.planeBytes;
    }
    return { block, state: "ready" };
  }

  /**
   * @param {number} position of the layer
   * @param {number[]} blocks nearest first
   * @param {number[]} channels
   */
  #ask(position, blocks, channels) {
    const grid = /** @type {BlockGrid} */ (this.#grids[position]);
    const { header } = this.#options;
    const wished = header.encoding === "jpeg" ? header.channels.map((_, i) => i) : channels; // they come together
    const batches = new Set(blocks.map((block) => Math.floor(block / grid.perBatch)));
    this.#loader.want([...batches].map((batch) => ({ batch, grid, channels: wished })));
  }

  /**
   * @param {import("./loader.js").BatchWish} wish
   * @param {(ArrayBuffer | null)[]} planes
   */
  #keep({ grid, batch, channels }, planes) {
    const [first, end] = batchRange(grid, batch);
    let at = 0;
    for (let block = first; block < end; block++) {
      for (const channel of channels) {
        const key = `${grid.level.downsample}/${block}/${channel}`;
        const plane = planes[at++];
        if (plane) {
          this.#chunks.set(key, plane, plane.byteLength);
        } else {
          this.#absent.add(key);
        }
      }
    }
    this.#options.onChange();
  }
}
