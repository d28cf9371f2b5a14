/**
 * @file Fetches batches of chunks: most wanted first, few at a time, aborted when they leave the view.
 */

import { Refused } from "./source.js";

/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */

/**
 * @typedef {object} BatchWish
 * @property {number} batch
 * @property {BlockGrid} grid
 * @property {number[]} channels ascending
 */

/**
 * @typedef {object} LoaderOptions
 * @property {import("./source.js").ChunkSource} source
 * @property {(buffer: ArrayBuffer, wish: BatchWish) => Promise<(ArrayBuffer | null)[]>} decode
 * @property {(wish: BatchWish, planes: (ArrayBuffer | null)[]) => void} onBatch planes block by block, channel by channel
 * @property {(problem: string | null) => void} [onProblem] null when it is over
 */

/** More than a browser has connections to one server: the next answer comes while this page is busy painting. */
const CONCURRENT = 12;
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
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarm;
  #options;

  /** @param {LoaderOptions} options */
  constructor(options) {
    this.#options = options;
  }

  get running() {
    return this.#running.size;
  }

  /** While a batch is handed over: whether no other is under way or waits. */
  get isLast() {
    return this.#running.size <= 1 && this.#wanted.length === 0;
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
    for (const key of [...this.#resting.keys()].filter((key) => !keys.has(key))) {
      this.#recovered(key);
    }
    this.#wanted = wishes.filter((wish) => !this.#running.has(wishKey(wish)));
    this.#pump();
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
    clearTimeout(this.#alarm);
    if (soonest < Infinity) {
      this.#alarm = setTimeout(() => this.#pump(), soonest + 1);
    }
  }

  /** @param {BatchWish} wish */
  async #run(wish) {
    const key = wishKey(wish);
    const controller = new AbortController();
    this.#running.set(key, controller);
    try {
      const planes = await this.#options.decode(await this.#options.source(wish, controller.signal), wish);
      if (!controller.signal.aborted) {
        this.#recovered(key);
        this.#options.onBatch(wish, planes);
      }
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

  /** @param {string} key that needs no further try */
  #recovered(key) {
    if (this.#resting.delete(key) && this.#resting.size === 0) {
      this.#options.onProblem?.(null);
    }
  }

  /**
   * A failed batch is tried again after a while, each time a longer one; one that was refused is not.
   *
   * @param {BatchWish} wish
   * @param {string} key
   * @param {unknown} error
   */
  #rest(wish, key, error) {
    const failures = this.#resting.get(key)?.failures ?? 0;
    const pause = error instanceof Refused ? Infinity : (RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 8000);
    this.#resting.set(key, { after: Date.now() + pause, failures: failures + 1 });
    const what = error instanceof Error ? error.message : String(error);
    this.#options.onProblem?.(error instanceof Refused ? what : `${what} Trying again by itself; what is painted stays.`);
    this.#wanted.push(wish);
  }
}
