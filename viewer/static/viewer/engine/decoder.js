/**
 * @file The pool of decode workers.
 */

/** @typedef {{resolve: (planes: (ArrayBuffer | null)[]) => void, reject: (error: Error) => void}} Waiting */

export class Decoder {
  /** @type {{worker: Worker, busy: number}[]} */
  #pool = [];
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #next = 0;

  /** @param {number} [size] number of workers */
  constructor(size = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1))) {
    for (let i = 0; i < size; i++) {
      const worker = new Worker(new URL("./decode_worker.js", import.meta.url), { type: "module" });
      const member = { worker, busy: 0 };
      worker.addEventListener("message", (event) => {
        member.busy--;
        this.#settle(event.data);
      });
      this.#pool.push(member);
    }
  }

  /**
   * @param {ArrayBuffer} buffer a framed batch; it is handed over and may not be used afterwards
   * @param {import("./samples.js").Coding} coding
   * @returns {Promise<(ArrayBuffer | null)[]>} the planes of each chunk, null where the slide has none
   */
  decode(buffer, coding) {
    const job = this.#next++;
    const member = this.#pool.reduce((least, other) => (other.busy < least.busy ? other : least));
    member.busy++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(job, { resolve, reject });
      member.worker.postMessage({ job, buffer, coding }, [buffer]);
    });
  }

  /** @param {{job: number, planes?: (ArrayBuffer | null)[], error?: string}} answer */
  #settle({ job, planes, error }) {
    const waiting = this.#waiting.get(job);
    this.#waiting.delete(job);
    if (planes) {
      waiting?.resolve(planes);
    } else {
      waiting?.reject(new Error(error));
    }
  }
}
