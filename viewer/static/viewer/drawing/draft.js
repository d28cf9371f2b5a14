/**
 * @file One annotation as the browser holds it, and what of it goes to the server.
 */

/** What this viewer draws. @typedef {"rectangle" | "ellipse" | "freehand" | "polygon" | "line" | "ruler" | "point"} Kind */
/** @typedef {"saved" | "waiting" | "saving" | "conflict" | "refused"} DraftState */
/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */

/**
 * What a person changes.
 *
 * @typedef {object} Content
 * @property {Kind} kind
 * @property {ShapeJson} geometry
 * @property {string} label
 * @property {string} comment
 * @property {boolean} deleted
 */

/**
 * @typedef {object} Facts
 * @property {string} client_id
 * @property {number} version 0 until the server has it
 * @property {string} author
 * @property {string} layer the group a file or a detector put it in
 * @property {boolean} negative cuts out of what lies under it
 * @property {boolean} locked signed off
 */

/** A request that is not answered yet. @typedef {{method: "POST" | "PATCH" | "DELETE", content: Content & {client_id: string, version: number}}} Sent */

/**
 * @typedef {object} Standing
 * @property {DraftState} state
 * @property {string} problem a sentence for the person
 * @property {(Facts & Content) | null} theirs what the server has, in a conflict
 * @property {Content | null} known what the server had when it last said so
 * @property {Sent | null} sent
 */

/** @typedef {Facts & Content & Standing} Draft */
/** What the outbox keeps of one. @typedef {{draft: Facts & Content, sent: Sent | null}} Kept */
/** @typedef {{status: number, body: any}} Answer */

/** @returns {Draft} */
export function fresh() {
  return {
    client_id: crypto.randomUUID(), kind: "freehand", geometry: { type: "Polygon", coordinates: [] }, label: "",
    comment: "", version: 0, deleted: false, author: "", layer: "", negative: false, locked: false, state: "waiting",
    problem: "", theirs: null, known: null, sent: null,
  };
}

/**
 * @param {Content} row
 * @returns {Content}
 */
export function contentOf({ kind, geometry, label, comment, deleted = false }) {
  return { kind, geometry, label, comment, deleted };
}

/**
 * @param {Facts & Content} row as the server gives it, with more in it than we keep
 * @returns {Facts & Content}
 */
export function describedBy(row) {
  const { client_id, version, author, layer = "", negative = false, locked = false } = row;
  return { client_id, version, author, layer, negative, locked, ...contentOf(row) };
}

/**
 * @param {Content} one
 * @param {Content} other
 */
export function sameContent(one, other) {
  return JSON.stringify(contentOf(one)) === JSON.stringify(contentOf(other));
}

/**
 * @param {Draft} draft
 * @returns {Sent}
 */
export function requestFor(draft) {
  const { client_id, version } = draft;
  const method = version === 0 ? "POST" : draft.deleted ? "DELETE" : "PATCH";
  return { method, content: { client_id, version, ...contentOf(draft), deleted: method === "DELETE" } };
}
