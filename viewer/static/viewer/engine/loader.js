/**
 * @file Fetches batches of chunks: most wanted first, few at a time, aborted when they leave the view.
 */

import { batchRange } from "./blocks.js";

/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */

/**
 * @typedef {object} BatchWish
 * @property {number} batch
 * @property {BlockGrid} grid
 * @property {number[]} channels ascending
 */

/**
 * @typedef {object} LoaderOptions
 * @property {string} url of the slide's chunks
 * @property {string} version of the slide
 * @property {boolean} [together] one chunk holds all channels: it is asked for once, as that of channel 0
 * @property {(buffer: ArrayBuffer, channels: number[]) => Promise<(ArrayBuffer | null)[]>} decode
 * @property {(wish: BatchWish, planes: (ArrayBuffer | null)[]) => void} onBatch planes block by block, channel by channel
 * @property {(problem: string | null) => void} [onProblem] null when it is over
 * @property {(url: string, init: {signal: AbortSignal}) => Promise<Response>} [fetch]
 */

const CONCURRENT = 4;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** @param {BatchWish} wish */
export function wishKey({ grid, batch, channels }) {
  return `${grid.level.downsample}/${batch}/${channels.join(",")}`;
}

export class BatchLoader {
  /** @type {BatchWish[]} */
  #wanted = [];
  /** @type {Map<string, AbortController>} */
  #running = new Map();
  /** @type {Map<string, {after: number, failures: number}>} */
  #resting = new Map();
  #options;
  #fetch;

  /** @param {LoaderOptions} options */
  constructor(options) {
    this.#options = options;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
  }

  get running() {
    return this.#running.size;
  }

  get idle() {
    return this.#running.size === 0 && this.#wanted.length === 0;
  }

  /**
   * Replaces all wishes. Running requests that are wished for no more are aborted.
   *
   * @param {BatchWish[]} wishes most wanted first
   */
  want(wishes) {
    const keys = new Set(wishes.map(wishKey));
    for (const [key, controller] of this.#running) {
      if (!keys.has(key)) {
        controller.abort();
        this.#running.delete(key);
      }
    }
    this.#wanted = wishes.filter((wish) => !this.#running.has(wishKey(wish)));
    this.#pump();
  }

  /** @param {BatchWish} wish */
  address({ grid, batch, channels }) {
    const [first, end] = batchRange(grid, batch);
    const { url, version, together } = this.#options;
    const asked = together ? [0] : channels;
    return `${url}?v=${version}&level=${grid.level.downsample}&blocks=${first}-${end - 1}&channels=${asked.join(",")}`;
  }

  #pump() {
    const now = Date.now();
    let soonest = Infinity;
    const later = [];
    for (const wish of this.#wanted) {
      const rest = this.#resting.get(wishKey(wish));
      if (rest && rest.after > now) {
        soonest = Math.min(soonest, rest.after - now);
        later.push(wish);
      } else if (this.#running.size < CONCURRENT) {
        void this.#run(wish);
      } else {
        later.push(wish);
      }
    }
    this.#wanted = later;
    if (soonest < Infinity) {
      setTimeout(() => this.#pump(), soonest + 1);
    }
  }

  /** @param {BatchWish} wish */
  async #run(wish) {
    const key = wishKey(wish);
    const controller = new AbortController();
    this.#running.set(key, controller);
    try {
      const response = await this.#fetch(this.address(wish), { signal: controller.signal });
      if (!response.ok) {
        throw new Error(response.status === 403 ? "You may not see this slide." : `The server answered ${response.status}.`);
      }
      const planes = await this.#options.decode(await response.arrayBuffer(), wish.channels);
      this.#resting.delete(key);
      this.#options.onProblem?.(null);
      this.#options.onBatch(wish, planes);
    } catch (error) {
      if (!controller.signal.aborted) {
        this.#rest(wish, key, error);
      }
    } finally {
      if (this.#running.get(key) === controller) {
        this.#running.delete(key);
        this.#pump();
      }
    }
  }

  /**
   * A failed batch is tried again after a while, each time a longer one.
   *
   * @param {BatchWish} wish
   * @param {string} key
   * @param {unknown} error
   */
  #rest(wish, key, error) {
    const failures = this.#resting.get(key)?.failures ?? 0;
    const pause = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 8000;
    this.#resting.set(key, { after: Date.now() + pause, failures: failures + 1 });
    this.#options.onProblem?.(error instanceof Error ? error.message : String(error));
    this.#wanted.push(wish);
  }
}
