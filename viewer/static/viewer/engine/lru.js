/**
 * @file A least-recently-used cache that never holds more bytes than its budget.
 */

/**
 * @template V
 */
export class ByteLru {
  /** @type {Map<string, {value: V, bytes: number, turn: number}>} */
  #entries = new Map();
  #bytes = 0;
  #used = 0;
  #turn = 0;
  #budget;
  #onEvict;

  /**
   * @param {number} budget bytes
   * @param {(value: V, key: string) => void} [onEvict] called for each value that leaves
   */
  constructor(budget, onEvict = () => {}) {
    this.#budget = budget;
    this.#onEvict = onEvict;
  }

  get bytes() {
    return this.#bytes;
  }

  get budget() {
    return this.#budget;
  }

  /** Bytes that this frame has got or set. */
  get used() {
    return this.#used;
  }

  get size() {
    return this.#entries.size;
  }

  /** Begins a frame: what is got or set from now on stays until the next one. */
  begin() {
    this.#turn++;
    this.#used = 0;
  }

  /** @param {string} key */
  has(key) {
    return this.#entries.has(key);
  }

  /**
   * The value; its age stays.
   *
   * @param {string} key
   * @returns {V | undefined}
   */
  peek(key) {
    return this.#entries.get(key)?.value;
  }

  /**
   * The value, which becomes the youngest.
   *
   * @param {string} key
   * @returns {V | undefined}
   */
  get(key) {
    const entry = this.#entries.get(key);
    if (!entry) {
      return undefined;
    }
    this.#used += entry.turn === this.#turn ? 0 : entry.bytes;
    this.#entries.delete(key);
    this.#entries.set(key, { ...entry, turn: this.#turn });
    return entry.value;
  }

  /**
   * Makes room for so many bytes by shedding the oldest values, but none that this frame has used.
   *
   * @param {number} bytes
   * @returns {boolean} whether there is room now
   */
  room(bytes) {
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes + bytes <= this.#budget || (this.#turn > 0 && entry.turn === this.#turn)) {
        break;
      }
      this.delete(oldest);
    }
    return this.#bytes + bytes <= this.#budget;
  }

  /**
   * Stores a value if there is room for it.
   *
   * @param {string} key
   * @param {V} value
   * @param {number} bytes
   * @returns {boolean} whether it was stored
   */
  set(key, value, bytes) {
    this.delete(key);
    if (!this.room(bytes)) {
      return false;
    }
    this.#entries.set(key, { value, bytes, turn: this.#turn });
    this.#bytes += bytes;
    this.#used += bytes;
    return true;
  }

  /** @param {string} key */
  delete(key) {
    const entry = this.#entries.get(key);
    if (!entry) {
      return;
    }
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    this.#onEvict(entry.value, key);
  }

  clear() {
    for (const key of [...this.#entries.keys()]) {
      this.delete(key);
    }
  }
}
