/**
 * @file The annotations of a slide and the truth about each: saved, or not yet, or in conflict.
 *
 * A change is written to the outbox of this machine and sent at once. What was sent is frozen until the server has
 * answered: it is sent again word for word, so that a request that arrives twice or late can do no harm, and what was
 * changed meanwhile goes as the next version. "Saved" is said only after the server has answered.
 */

import { Courier } from "./courier.js";
import { contentOf, describedBy, fresh, requestFor, sameContent } from "./draft.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./draft.js").Content} Content */
/** @typedef {import("./draft.js").Kept} Kept */
/** @typedef {import("./draft.js").Answer} Answer */
/** @typedef {import("./courier.js").Send} Send */

/**
 * @typedef {object} Outbox where changes wait that the server does not have yet
 * @property {(kept: Kept) => void} put
 * @property {(id: string) => void} drop
 * @property {() => Promise<Kept[]>} all
 */

/**
 * @typedef {object} DraftsOptions
 * @property {string} url of the collection
 * @property {string} slide uid
 * @property {string} csrf
 * @property {string} author what the server calls this person
 * @property {(draft: Draft | null) => void} onChange null: the whole list
 * @property {Outbox | null} outbox
 * @property {Send} [send]
 * @property {(run: () => void, ms: number) => void} [later]
 */

const PAGE = 2000;

export class Drafts {
  /** @type {Map<string, Draft>} */
  #drafts = new Map();
  #options;
  #courier;
  readOnly = false;

  /** @param {DraftsOptions} options */
  constructor(options) {
    this.#options = options;
    this.#courier = new Courier({
      ...options,
      request: (id) => this.#leaving(id),
      onAnswer: (id, answer) => this.#answered(id, answer),
      onFailure: (id, problem) => this.#failed(id, problem),
    });
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
    let count = 0;
    for (const { state } of this.#drafts.values()) {
      count += Number(state !== "saved");
    }
    return count;
  }

  /** Whether somebody must decide before these can be saved: waiting alone will not do. */
  get stuck() {
    return [...this.#drafts.values()].filter(({ state }) => state === "conflict" || state === "refused").length;
  }

  /** @param {Draft} draft whether this person may change it */
  mayEdit(draft) {
    return !this.readOnly && !draft.locked && draft.author === this.#options.author;
  }

  /** Reads what the server has and what waits here. Throws when it cannot be read: an empty list would be a lie. */
  async load() {
    for await (const row of this.#rows()) {
      this.#drafts.set(row.client_id, { ...fresh(), ...describedBy(row), state: "saved", known: contentOf(row) });
    }
    for (const kept of (await this.#options.outbox?.all()) ?? []) {
      const known = this.#drafts.get(kept.draft.client_id)?.known ?? null;
      this.#drafts.set(kept.draft.client_id, { ...fresh(), ...kept.draft, known, sent: kept.sent, state: "waiting" });
      this.#courier.queue(kept.draft.client_id);
    }
    this.#options.onChange(null);
  }

  /** Reads what has come to the server by other ways since. What is here already stays as it is. Throws as `load`. */
  async catchUp() {
    for await (const row of this.#rows()) {
      if (!this.#drafts.has(row.client_id)) {
        this.#drafts.set(row.client_id, { ...fresh(), ...describedBy(row), state: "saved", known: contentOf(row) });
      }
    }
    this.#options.onChange(null);
  }

  /** What the server has, page by page; nothing more once it says that this person may only look. */
  async *#rows() {
    const { url, slide } = this.#options;
    /** @type {string | null} */
    let next = `${url}?slide=${encodeURIComponent(slide)}&limit=${PAGE}`;
    while (next) {
      const response = await this.#courier.send(next, { method: "GET", headers: { Accept: "application/json" } });
      if (response.status === 403) {
        this.readOnly = true;
        return;
      }
      if (!response.ok) {
        throw new Error(`The annotations could not be read (${response.status}). Reload the page before drawing.`);
      }
      const answer = await response.json();
      yield* answer.results;
      next = answer.next ?? null;
    }
  }

  /**
   * @param {Partial<Content> & Pick<Content, "kind" | "geometry">} given
   * @returns {Draft}
   */
  add(given) {
    const draft = { ...fresh(), ...given, author: this.#options.author };
    this.#drafts.set(draft.client_id, draft);
    this.#changed(draft);
    return draft;
  }

  /**
   * @param {string} id
   * @param {Partial<Content>} change
   */
  edit(id, change) {
    const draft = this.#drafts.get(id);
    if (draft) {
      Object.assign(draft, change);
      this.#changed(draft);
    }
  }

  /**
   * Ends a conflict: mine is sent over theirs, theirs replaces mine, or mine becomes one more beside theirs.
   *
   * @param {string} id
   * @param {"mine" | "theirs" | "both"} choice
   */
  settle(id, choice) {
    const draft = this.#drafts.get(id);
    const theirs = draft?.theirs;
    if (!draft || !theirs) {
      return;
    }
    const mine = contentOf(draft);
    draft.theirs = null;
    draft.version = theirs.version;
    if (choice === "mine") {
      this.#changed(draft);
      return;
    }
    this.#stands(draft, theirs);
    if (choice === "both") {
      this.add({ ...mine, deleted: false });
    }
  }

  /**
   * Gives up what the server refused: what it has stands.
   *
   * @param {string} id
   */
  discard(id) {
    const draft = this.#drafts.get(id);
    if (draft?.state === "refused") {
      this.#stands(draft, draft.known ?? { deleted: true });
    }
  }

  /** Tries everything again that is not saved: for the button, and when the network comes back. */
  retry() {
    for (const draft of this.#drafts.values()) {
      if (draft.state === "waiting" || draft.state === "refused") {
        this.#courier.queue(draft.client_id);
      }
    }
    this.#courier.hurry();
  }

  /**
   * @param {Draft} draft
   * @param {Partial<Draft>} content that the server has
   */
  #stands(draft, content) {
    Object.assign(draft, content, { state: "saved", problem: "", known: contentOf({ ...draft, ...content }) });
    this.#options.outbox?.drop(draft.client_id);
    this.#options.onChange(draft);
  }

  /** @param {Draft} draft */
  #changed(draft) {
    if (!draft.theirs) {
      draft.state = "waiting";
      draft.problem = "";
    }
    this.#options.outbox?.put({ draft: describedBy(draft), sent: draft.sent });
    this.#options.onChange(draft);
    if (!draft.theirs) {
      this.#courier.queue(draft.client_id);
    }
  }

  /**
   * What goes to the server now: what was sent before, as long as it was not answered.
   *
   * @param {string} id
   */
  #leaving(id) {
    const draft = this.#drafts.get(id);
    if (!draft || draft.theirs || (draft.state === "saved" && !draft.sent)) {
      return null;
    }
    if (draft.deleted && draft.version === 0 && !draft.sent) {
      this.#stands(draft, {}); // the server never heard of it
      return null;
    }
    draft.sent ??= requestFor(draft);
    draft.state = "saving";
    this.#options.outbox?.put({ draft: describedBy(draft), sent: draft.sent });
    this.#options.onChange(draft);
    return draft.sent;
  }

  /**
   * @param {string} id
   * @param {Answer} answer
   */
  #answered(id, { status, body }) {
    const draft = this.#drafts.get(id);
    const sent = draft?.sent;
    if (!draft || !sent) {
      return;
    }
    draft.sent = null;
    const gone = sent.method === "DELETE" && status === 404;
    if (gone || (status >= 200 && status < 300)) {
      draft.version = sent.method === "DELETE" ? sent.content.version + 1 : Number(body.version);
      draft.known = { ...sent.content, deleted: sent.method === "DELETE" };
      this.#arrived(draft);
    } else if (status === 409 && body.error?.detail?.current) {
      draft.state = "conflict";
      draft.theirs = describedBy(body.error.detail.current);
      draft.problem = body.error.message ?? "Somebody else changed this annotation.";
    } else {
      draft.state = "refused";
      draft.problem = refusal(status, body);
    }
    this.#options.onChange(draft);
  }

  /** @param {Draft} draft that the server has in the version it was sent */
  #arrived(draft) {
    draft.problem = "";
    if (draft.known && sameContent(draft.known, draft)) {
      draft.state = "saved";
      this.#options.outbox?.drop(draft.client_id);
    } else {
      draft.state = "waiting";
      this.#options.outbox?.put({ draft: describedBy(draft), sent: null });
      this.#courier.queue(draft.client_id);
    }
  }

  /**
   * @param {string} id
   * @param {string} problem
   */
  #failed(id, problem) {
    const draft = this.#drafts.get(id);
    if (draft) {
      draft.state = "waiting";
      draft.problem = `${problem} It is kept on this machine and will be sent again.`;
      this.#options.onChange(draft);
    }
  }
}

/**
 * @param {number} status
 * @param {Answer["body"]} body
 */
function refusal(status, body) {
  const why = body.error?.message ?? `The server refused it (${status}).`;
  return status === 401 || status === 403
    ? `${why} It is kept on this machine: log in again and open this slide.`
    : why;
}
