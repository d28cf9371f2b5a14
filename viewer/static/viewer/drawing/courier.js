/**
 * @file Carries changes to the server: a few at a time, one per annotation, again and again until it has answered.
 *
 * When one fails for a reason that may pass (network, 5xx, 429) all pause, longer each time: a server that is down is
 * not asked by every annotation for itself.
 */

/** @typedef {import("./draft.js").Sent} Sent */
/** @typedef {import("./draft.js").Answer} Answer */
/** @typedef {(url: string, init: {method: string, headers: Record<string, string>, body?: string}) => Promise<Response>} Send */

/**
 * @typedef {object} CourierOptions
 * @property {string} url of the collection
 * @property {string} slide uid
 * @property {string} csrf
 * @property {(id: string) => Sent | null} request what to send now; null: nothing any more
 * @property {(id: string, answer: Answer) => void} onAnswer
 * @property {(id: string, problem: string) => void} onFailure
 * @property {Send} [send]
 * @property {(run: () => void, ms: number) => void} [later]
 */

const AT_ONCE = 4;
const PATIENCE_MS = 30_000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000, 30000];
const PASSING = new Set([408, 425, 429]);

export class Courier {
  /** @type {Set<string>} */
  #waiting = new Set();
  /** @type {Set<string>} */
  #onTheWay = new Set();
  #failures = 0;
  #paused = false;
  #options;
  #later;
  /** @type {Send} */
  send;

  /** @param {CourierOptions} options */
  constructor(options) {
    this.#options = options;
    this.#later = options.later ?? ((run, ms) => void setTimeout(run, ms));
    this.send = options.send
      ?? ((url, init) => fetch(url, { ...init, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) }));
  }

  /** @param {string} id of an annotation that has something to send */
  queue(id) {
    this.#waiting.add(id);
    this.#go();
  }

  /** Waits no longer. */
  hurry() {
    this.#failures = 0;
    this.#paused = false;
    this.#go();
  }

  #go() {
    for (const id of this.#waiting) {
      if (this.#paused || this.#onTheWay.size >= AT_ONCE) {
        return;
      }
      if (!this.#onTheWay.has(id)) {
        this.#waiting.delete(id);
        void this.#carry(id);
      }
    }
  }

  /** @param {string} id */
  async #carry(id) {
    const sent = this.#options.request(id);
    if (!sent) {
      return;
    }
    this.#onTheWay.add(id);
    try {
      const answer = await this.#ask(sent);
      this.#failures = 0;
      this.#options.onAnswer(id, answer);
    } catch (error) {
      this.#pause(id, error instanceof Error ? error.message : String(error));
    } finally {
      this.#onTheWay.delete(id);
      this.#go();
    }
  }

  /**
   * @param {Sent} sent
   * @returns {Promise<Answer>}
   */
  async #ask({ method, content }) {
    const { url, slide, csrf } = this.#options;
    const { deleted: _, ...body } = content;
    const one = method === "POST" ? url : `${url}${encodeURIComponent(content.client_id)}/`;
    const response = await this.send(`${one}?slide=${encodeURIComponent(slide)}`, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify({ slide, ...body }),
    });
    const { status } = response;
    if (status >= 500 || PASSING.has(status)) {
      throw new Error(`The server answered ${status}.`);
    }
    return { status, body: status === 204 ? {} : await response.json() }; // cut off or no JSON: it is asked again
  }

  /**
   * @param {string} id
   * @param {string} problem
   */
  #pause(id, problem) {
    this.#waiting.add(id);
    this.#options.onFailure(id, problem);
    if (this.#paused) {
      return;
    }
    this.#paused = true;
    const pause = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? 30000;
    this.#failures += 1;
    this.#later(() => {
      this.#paused = false;
      this.#go();
    }, pause);
  }
}
