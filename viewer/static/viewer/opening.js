/**
 * @file What is fetched before anything is painted, and how the slide looks then.
 */

import { AS_IT_IS } from "./engine/mixing.js";

/** @typedef {import("./types.js").SlideHeader} SlideHeader */
/** @typedef {import("./types.js").PaintState} PaintState */
/** @typedef {import("./panel/histogram.js").ChannelHistogram} ChannelHistogram */

const RETRY_MS = [500, 1500, 4000];

/**
 * @template T
 * @param {string | undefined} url
 * @param {(problem: string | null) => void} onProblem told while it is tried again
 * @param {number[]} [pauses] ms before each further try
 * @returns {Promise<T>}
 */
export async function json(url, onProblem, pauses = RETRY_MS) {
  const response = await fetch(url ?? "", { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok && answer) {
    onProblem(null);
    return answer;
  }
  const said = answer?.error?.message ?? (response ? `The server answered ${response.status}.` : "The server cannot be reached.");
  const [pause, ...later] = pauses;
  if (pause === undefined || (response && response.status < 500)) {
    throw new Error(`${said} Reload the page to try again.`);
  }
  onProblem(`${said} Trying again by itself.`);
  await new Promise((done) => setTimeout(done, pause));
  return json(url, onProblem, later);
}

/**
 * @param {SlideHeader} header
 * @param {ChannelHistogram[]} histograms
 * @returns {PaintState}
 */
export function firstState(header, histograms) {
  const fluorescence = header.modality === "fluorescence";
  const channels = header.channels.map(({ name, colour, low, high }, i) => {
    const auto = fluorescence ? histograms[i] : undefined;
    const window = { low: auto?.autoLow ?? low, high: auto?.autoHigh ?? high };
    return { name, colour, shown: i < 16, opacity: 1, ...window, gamma: 1, dx: 0, dy: 0 };
  });
  return {
    channels,
    picture: { ...AS_IT_IS },
    profile: Boolean(header.profile?.matrix),
    registered: Boolean(header.fields?.registeredX),
    borders: false,
    mirrored: false,
    z: header.kind === "mosaic" ? Math.floor((header.layers - 1) / 2) : 0,
    t: 0,
  };
}

/**
 * Bytes that the pictures of this page may keep: a quarter of the machine's memory, as far as the browser says it.
 *
 * @param {string | undefined} given MB
 * @param {number} viewers on the page
 */
export function budgetOf(given, viewers) {
  const machine = /** @type {{deviceMemory?: number}} */ (navigator).deviceMemory ?? 4;
  const megabytes = Number(given) > 0 ? Number(given) : Math.min(1024, Math.max(256, machine * 256));
  return Math.floor((megabytes / viewers) * (1 << 20));
}
