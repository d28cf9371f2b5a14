/**
 * @file The annotations of a slide and the truth about each: saved, or not yet, or in conflict.
 *
 * Every change is sent at once, one request per annotation at a time. What fails for a reason that may pass (network,
 * 5xx, 429) is sent again with the same client_id, so that a repeated POST makes no second annotation. "Saved" is said
 * only after the server has answered with a version.
 */

/** What this viewer draws, and what others may have drawn.
 * @typedef {"rectangle" | "ellipse" | "freehand" | "polygon" | "line" | "point"} Kind */
/** @typedef {"saved" | "unsaved" | "saving" | "conflict" | "refused"} DraftState */
/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */

/**
 * @typedef {object} Draft
 * @property {string} client_id
 * @property {Kind} kind
 * @property {ShapeJson} geometry
 * @property {string} label
 * @property {string} comment
 * @property {number} version 0 until the server has it
 * @property {boolean} deleted asked to be deleted
 * @property {DraftState} state
 * @property {string} problem a sentence for the person
 * @property {Partial<Draft> | null} theirs what the server has, in a conflict
 */

/** @typedef {(url: string, init: {method: string, headers: Record<string, string>, body?: string}) => Promise<Response>} Send */

/**
 * @typedef {object} DraftsOptions
 * @property {string} url of the collection
 * @property {string} slide uid
 * @property {string} csrf
 * @property {(draft: Draft | null) => void} onChange null: the whole list
 * @property {Send} [send]
 * @property {(run: () => void, ms: number) => void} [later]
 */

const RETRY_MS = [1000, 2000, 4000, 8000, 15000, 30000];

export class Drafts {
  /** @type {Map<string, Draft>} */
  #drafts = new Map();
  /** Changes made since the request that is under way was written. @type {Map<string, number>} */
  #revisions = new Map();
  /** @type {Map<string, number>} */
  #failures = new Map();
  /** @type {Set<string>} */
  #sending = new Set();
  #options;
  #send;
  #later;
  readOnly = false;

  /** @param {DraftsOptions} options */
  constructor(options) {
    this.#options = options;
    this.#send = options.send ?? ((url, init) => fetch(url, { ...init, credentials: "same-origin" }));
    this.#later = options.later ?? ((run, ms) => void setTimeout(run, ms));
  }

  /** @returns {Draft[]} those not deleted, oldest first */
  get all() {
    return [...this.#drafts.values()].filter((draft) => !draft.deleted);
  }

  /** @param {string} id */
  get(id) {
    return this.#drafts.get(id) ?? null;
  }

  get unsaved() {
    return [...this.#drafts.values()].filter((draft) => draft.state !== "saved").length;
  }

  /** Reads what the server has. Throws when it cannot be read: an empty list would be a lie. */
  async load() {
    const { url, slide } = this.#options;
    /** @type {string | null} */
    let next = `${url}?slide=${encodeURIComponent(slide)}`;
    while (next) {
      const response = await this.#send(next, { method: "GET", headers: { Accept: "application/json" } });
      if (response.status === 403) {
        this.readOnly = true;
        break;
      }
      if (!response.ok) {
        throw new Error(`The annotations could not be read (${response.status}). Reload the page before drawing.`);
      }
      const answer = await response.json();
      for (const row of Array.isArray(answer) ? answer : answer.results) {
        this.#drafts.set(row.client_id, { ...fresh(), ...picked(row), state: "saved" });
      }
      next = answer.next ?? null;
    }
    this.#options.onChange(null);
  }

  /**
   * @param {Pick<Draft, "kind" | "geometry"> & Partial<Draft>} given
   * @returns {Draft}
   */
  add(given) {
    const draft = { ...fresh(), ...given };
    this.#drafts.set(draft.client_id, draft);
    this.#changed(draft);
    return draft;
  }

  /**
   * @param {string} id
   * @param {Partial<Pick<Draft, "kind" | "geometry" | "label" | "comment" | "deleted">>} change
   */
  edit(id, change) {
    const draft = this.#drafts.get(id);
    if (draft) {
      Object.assign(draft, change);
      this.#changed(draft);
    }
  }

  /**
   * Ends a conflict: mine is sent over theirs, or theirs replaces mine.
   *
   * @param {string} id
   * @param {"mine" | "theirs"} choice
   */
  settle(id, choice) {
    const draft = this.#drafts.get(id);
    if (!draft?.theirs) {
      return;
    }
    const theirs = draft.theirs;
    draft.theirs = null;
    draft.version = theirs.version ?? draft.version;
    if (choice === "theirs") {
      Object.assign(draft, theirs, { state: "saved", problem: "", deleted: false });
      this.#options.onChange(draft);
    } else {
      this.#changed(draft);
    }
  }

  /** Tries everything again that is not saved: for the button, and when the network comes back. */
  retry() {
    for (const draft of this.#drafts.values()) {
      if (draft.state === "unsaved" || draft.state === "refused") {
        this.#failures.delete(draft.client_id);
        void this.#save(draft);
      }
    }
  }

  /** @param {Draft} draft */
  #changed(draft) {
    this.#revisions.set(draft.client_id, (this.#revisions.get(draft.client_id) ?? 0) + 1);
    if (draft.state !== "conflict" || !draft.theirs) {
      draft.state = "unsaved";
      draft.problem = "";
      void this.#save(draft);
    }
    this.#options.onChange(draft);
  }

  /** @param {Draft} draft */
  async #save(draft) {
    const id = draft.client_id;
    if (this.#sending.has(id)) {
      return;
    }
    if (draft.deleted && draft.version === 0 && !this.#failures.has(id)) {
      this.#forget(draft);
      return;
    }
    this.#sending.add(id);
    const revision = this.#revisions.get(id);
    draft.state = "saving";
    this.#options.onChange(draft);
    try {
      await this.#settleResponse(draft, await this.#request(draft), revision);
    } catch (error) {
      this.#again(draft, error instanceof Error ? error.message : String(error));
    } finally {
      this.#sending.delete(id);
    }
    if (this.#drafts.get(id)?.state === "unsaved" && !this.#failures.has(id)) {
      void this.#save(draft);
    }
  }

  /** @param {Draft} draft */
  #request(draft) {
    const { url, slide, csrf } = this.#options;
    const { client_id, kind, geometry, label, comment, version } = draft;
    const created = version > 0;
    const method = !created ? "POST" : draft.deleted ? "DELETE" : "PATCH";
    const target = created ? `${url}${encodeURIComponent(client_id)}/?slide=${slide}` : `${url}?slide=${slide}`;
    return this.#send(target, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify({ slide, client_id, kind, geometry, label, comment, version }),
    });
  }

  /**
   * @param {Draft} draft
   * @param {Response} response
   * @param {number | undefined} revision that the request carried
   */
  async #settleResponse(draft, response, revision) {
    const { status } = response;
    if (status >= 500 || status === 429 || status === 408) {
      this.#again(draft, `The server answered ${status}.`);
      return;
    }
    this.#failures.delete(draft.client_id);
    const answer = status === 204 ? {} : await response.json();
    if (draft.deleted && draft.version > 0 && (response.ok || status === 404)) {
      this.#forget(draft);
    } else if (response.ok) {
      draft.version = answer.version;
      const current = revision === this.#revisions.get(draft.client_id) && !draft.deleted;
      draft.state = current ? "saved" : "unsaved";
      draft.problem = "";
    } else if (status === 409 && answer.error?.detail?.current) {
      draft.state = "conflict";
      draft.theirs = picked(answer.error.detail.current);
      draft.problem = answer.error.message ?? "Somebody else changed this annotation.";
    } else {
      draft.state = "refused";
      draft.problem = answer.error?.message ?? `The server refused it (${status}).`;
    }
    this.#options.onChange(draft);
  }

  /**
   * @param {Draft} draft
   * @param {string} problem
   */
  #again(draft, problem) {
    const id = draft.client_id;
    const failures = this.#failures.get(id) ?? 0;
    this.#failures.set(id, failures + 1);
    draft.state = "unsaved";
    draft.problem = `${problem} It is kept here and will be sent again.`;
    this.#options.onChange(draft);
    const pause = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 30000;
    this.#later(() => {
      if (draft.state === "unsaved" && this.#drafts.has(id)) {
        void this.#save(draft);
      }
    }, pause);
  }

  /** @param {Draft} draft */
  #forget(draft) {
    this.#drafts.delete(draft.client_id);
    draft.state = "saved";
    this.#options.onChange(null);
  }
}

/** @returns {Draft} */
function fresh() {
  return {
    client_id: crypto.randomUUID(), kind: "freehand", geometry: { type: "Polygon", coordinates: [] }, label: "",
    comment: "", version: 0, deleted: false, state: "unsaved", problem: "", theirs: null,
  };
}

/**
 * @param {Draft} row as the server gives it, with more in it than we keep
 * @returns {Pick<Draft, "client_id" | "kind" | "geometry" | "label" | "comment" | "version">}
 */
function picked({ client_id, kind, geometry, label, comment, version }) {
  return { client_id, kind, geometry, label, comment, version };
}
