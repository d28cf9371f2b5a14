/**
 * @file What the server does not have yet, kept on this machine through reload and crash (IndexedDB).
 *
 * Every entry belongs to a person, a slide and a tab. Another person at the same machine never reads it, and it is gone
 * as soon as the server has it. A tab that opens takes over what tabs left behind that are no longer there.
 */

/** @typedef {import("./draft.js").Kept} Kept */
/** @typedef {Kept & {user: number, slide: string, tab: string, id: string}} Entry */

const NAME = "nocturne-outbox";
const STORE = "waiting";

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

export class Outbox {
  #database;
  #user;
  #slide;
  #tab = crypto.randomUUID();

  /**
   * @param {IDBDatabase} database
   * @param {number} user
   * @param {string} slide
   */
  constructor(database, user, slide) {
    this.#database = database;
    this.#user = user;
    this.#slide = slide;
    void navigator.locks?.request(lockOf(this.#tab), () => new Promise(() => {})); // as long as this tab lives
  }

  /**
   * @param {number} user
   * @param {string} slide uid
   * @returns {Promise<Outbox | null>} null where the browser keeps nothing (a private window, a full disk)
   */
  static async open(user, slide) {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () =>
      request.result.createObjectStore(STORE, { keyPath: ["user", "slide", "tab", "id"] });
    try {
      return new Outbox(await answer(request), user, slide);
    } catch (error) {
      if (error instanceof DOMException) {
        return null;
      }
      throw error;
    }
  }

  #store() {
    return this.#database.transaction(STORE, "readwrite").objectStore(STORE);
  }

  /** @param {Kept} kept */
  put(kept) {
    const entry = { ...kept, user: this.#user, slide: this.#slide, tab: this.#tab, id: kept.draft.client_id };
    this.#store().put(structuredClone(entry));
  }

  /** @param {string} id */
  drop(id) {
    this.#store().delete([this.#user, this.#slide, this.#tab, id]);
  }

  /**
   * What waits for this person on this slide, now of this tab.
   *
   * @returns {Promise<Kept[]>}
   */
  async all() {
    const locks = await navigator.locks?.query();
    const alive = new Set(locks?.held?.map(({ name }) => name));
    const store = this.#store();
    const range = IDBKeyRange.bound([this.#user, this.#slide], [this.#user, this.#slide, []]);
    /** @type {Entry[]} */
    const entries = await answer(store.getAll(range));
    const left = entries.filter(({ tab }) => tab === this.#tab || !alive.has(lockOf(tab)));
    for (const entry of left) {
      store.delete([entry.user, entry.slide, entry.tab, entry.id]);
      store.put({ ...entry, tab: this.#tab });
    }
    return left.map(({ draft, sent }) => ({ draft, sent }));
  }
}

/** @param {string} tab */
function lockOf(tab) {
  return `nocturne-tab:${tab}`;
}
