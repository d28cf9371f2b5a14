/**
 * @file Where the bytes of a batch come from: the one seam between the engine and what carries them. Here the server's
 * answer to an address; ranges.js reads the slide's own file.
 */

/** @typedef {import("./loader.js").BatchWish} BatchWish */

/**
 * The bytes of a batch as the decode worker reads them. Rejects with Refused where asking again is of no use.
 *
 * @typedef {(wish: BatchWish, signal: AbortSignal) => Promise<ArrayBuffer>} ChunkSource
 */

/** @typedef {(url: string, init: {signal: AbortSignal, headers?: Record<string, string>}) => Promise<Response>} Fetch */

/** What will be answered again in the same way. */
export class Refused extends Error {}

/** Answers of the 4xx that another time may be better. */
const PASSING = [408, 425, 429];

/**
 * @param {(wish: BatchWish) => string} address
 * @param {Fetch} [fetched]
 * @returns {ChunkSource}
 */
export function served(address, fetched = (url, init) => fetch(url, init)) {
  return async (wish, signal) => {
    const response = await answered(fetched, address(wish), { signal });
    if (response.status === 401 || response.status === 403) {
      throw new Refused("You may not see this slide, or your session has ended. Log in again and reload.");
    }
    checked(response);
    return response.arrayBuffer();
  };
}

/**
 * @param {Fetch} fetched
 * @param {string} url
 * @param {{signal: AbortSignal, headers?: Record<string, string>}} init
 */
export function answered(fetched, url, init) {
  return fetched(url, init).catch(() => {
    throw new Error("The server cannot be reached.");
  });
}

/**
 * @param {Response} response
 * @throws {Refused} of what the server will not give, and Error of what it may give later
 */
export function checked(response) {
  if (response.status >= 400 && response.status < 500 && !PASSING.includes(response.status)) {
    throw new Refused(`The server refuses a part of this slide (${response.status}).`);
  }
  if (!response.ok) {
    throw new Error(`The server answered ${response.status}.`);
  }
}
