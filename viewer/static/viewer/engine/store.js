/**
 * @file What the browser holds of a slide: decoded planes on their way, and blocks on the graphics card; both within a budget.
 *
 * A plane is in one place: decoded until a frame needs it, then on the card. A block that the card has shed is asked for
 * again, and the browser's cache answers.
 */

import { batchRange } from "./blocks.js";
import { ByteLru } from "./lru.js";
import { packOf } from "./packing.js";

/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {import("./painter.js").BlockTexture} BlockTexture */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {"ready" | "missing" | "deferred" | "full" | "absent"} BlockState */

/** Uploads that one frame may do; the rest follow in the next one, so panning stays smooth. */
const UPLOAD_BYTES_PER_FRAME = 24 << 20;
/** Of the budget for decoded planes; the rest is for the card. */
const PLANES_SHARE = 0.25;

export class BlockStore {
  /** @type {ByteLru<ArrayBuffer>} */
  #planes;
  /** @type {ByteLru<BlockTexture>} */
  #textures;
  /** Planes that the slide does not have. @type {Set<string>} */
  #absent = new Set();
  #painter;
  #uploaded = 0;
  #promised = 0;
  /** Channels of the picture, in all its passes. @type {readonly number[]} */
  #shown = [];

  /**
   * @param {Painter} painter
   * @param {number} budget bytes
   */
  constructor(painter, budget) {
    this.#painter = painter;
    this.#planes = new ByteLru(Math.round(budget * PLANES_SHARE));
    this.#textures = new ByteLru(Math.round(budget * (1 - PLANES_SHARE)), (block) => painter.release(block));
  }

  get bytes() {
    return this.#planes.bytes + this.#textures.bytes;
  }

  get budget() {
    return this.#planes.budget + this.#textures.budget;
  }

  /** Bytes that may be fetched for what is not in view. */
  get spare() {
    return this.#planes.budget / 4;
  }

  /** @param {readonly number[]} shown channels of the frame that begins, in all its passes */
  begin(shown) {
    this.#shown = shown;
    this.#textures.begin();
    this.#uploaded = 0;
    this.#promised = 0;
  }

  /**
   * Whether the card can hold so many blocks at once.
   *
   * @param {BlockGrid} grid
   * @param {number} blocks
   */
  fits(grid, blocks) {
    return blocks * grid.blockBytes <= this.#textures.budget && grid.blockBytes <= this.#planes.budget;
  }

  /**
   * Whether nothing need be asked for.
   *
   * @param {BlockGrid} grid
   * @param {number} number of the block
   * @param {readonly number[]} channels
   */
  has(grid, number, channels) {
    const key = keyOf(grid, number);
    const lacking = channels.filter((channel) => !this.#textures.peek(key)?.present.has(channel));
    return this.#together(lacking).every((channel) => this.#came(key, channel));
  }

  /**
   * @param {string} key of a block
   * @param {number} channel
   */
  #came(key, channel) {
    return this.#planes.has(`${key}/${channel}`) || this.#absent.has(`${key}/${channel}`);
  }

  /**
   * These channels and what is shown besides of their packs: a pack is uploaded whole.
   *
   * @param {readonly number[]} channels
   */
  #together(channels) {
    const packs = new Set(channels.map(packOf));
    return [...new Set([...channels, ...this.#shown.filter((channel) => packs.has(packOf(channel)))])];
  }

  /**
   * A block on the card with these channels, uploading what is decoded and fits in this frame.
   *
   * @param {BlockGrid} grid
   * @param {number} number of the block
   * @param {readonly number[]} channels
   * @returns {{block: BlockTexture | null, state: BlockState}}
   */
  take(grid, number, channels) {
    const key = keyOf(grid, number);
    const block = this.#textures.get(key) ?? null;
    const lacking = channels.filter((channel) => !block?.present.has(channel));
    if (!lacking.length) {
      return { block, state: block ? "ready" : "absent" };
    }
    if (lacking.some((channel) => this.#absent.has(`${key}/${channel}`))) {
      return { block: null, state: "absent" };
    }
    if (!block && this.#textures.used + this.#promised + grid.blockBytes > this.#textures.budget) {
      return { block: null, state: "full" };
    }
    const needed = this.#together(lacking);
    if (!needed.every((channel) => this.#came(key, channel))) {
      this.#promised += block ? 0 : grid.blockBytes;
      return { block: null, state: "missing" };
    }
    if (this.#uploaded >= UPLOAD_BYTES_PER_FRAME) {
      return { block: null, state: "deferred" };
    }
    return this.#upload(grid, key, block, needed);
  }

  /**
   * @param {BlockGrid} grid
   * @param {string} key
   * @param {BlockTexture | null} found
   * @param {readonly number[]} channels
   * @returns {{block: BlockTexture | null, state: BlockState}}
   */
  #upload(grid, key, found, channels) {
    if (!found && !this.#textures.room(grid.blockBytes)) {
      return { block: null, state: "full" };
    }
    const block = found ?? this.#painter.allocate(grid);
    if (!found) {
      this.#textures.set(key, block, grid.blockBytes);
    }
    for (const pack of new Set(channels.map(packOf))) {
      const names = channels.filter((channel) => packOf(channel) === pack).map((channel) => /** @type {const} */ ([channel, `${key}/${channel}`]));
      const planes = names.flatMap(([channel, name]) => {
        const plane = this.#planes.get(name);
        return plane ? [/** @type {[number, ArrayBuffer]} */ ([channel, plane])] : [];
      });
      this.#painter.upload(block, grid, pack, new Map(planes));
      names.forEach(([, name]) => this.#planes.delete(name));
      this.#uploaded += planes.length * grid.planeBytes;
    }
    return { block, state: "ready" };
  }

  /**
   * Keeps the planes of a batch that has come.
   *
   * @param {import("./loader.js").BatchWish} wish
   * @param {(ArrayBuffer | null)[]} planes block by block, channel by channel
   */
  keep({ grid, batch, channels }, planes) {
    const [first, end] = batchRange(grid, batch);
    let at = 0;
    for (let number = first; number < end; number++) {
      const key = keyOf(grid, number);
      for (const channel of channels) {
        const plane = planes[at++];
        if (!plane) {
          this.#absent.add(`${key}/${channel}`);
        } else if (!channels.every((other) => packOf(other) !== packOf(channel) || this.#textures.peek(key)?.present.has(other))) {
          this.#planes.set(`${key}/${channel}`, plane, plane.byteLength);
        }
      }
    }
  }

  /** Forgets what was on the card: it was lost. */
  lost() {
    this.#textures.clear();
  }
}

/**
 * @param {BlockGrid} grid
 * @param {number} number
 */
function keyOf(grid, number) {
  return `${grid.level.downsample}/${number}`;
}
