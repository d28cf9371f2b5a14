/**
 * @file A least-recently-used cache with a budget in bytes.
 */

/**
 * @template V
 */
export class ByteLru {
  /** @type {Map<string, {value: V, bytes: number}>} */
  #entries = new Map();
  #bytes = 0;
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

  get size() {
    return this.#entries.size;
  }

  /** @param {string} key */
  has(key) {
    return this.#entries.has(key);
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
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * Stores a value and sheds the oldest ones until the budget holds. The value itself stays, however large.
   *
   * @param {string} key
   * @param {V} value
   * @param {number} bytes
   */
  set(key, value, bytes) {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#budget || oldest === key) {
        break;
      }
      this.delete(oldest);
    }
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
