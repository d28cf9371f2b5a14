/**
 * @file From intensities to colours: the numbers that the shader is given, and its sum in JavaScript.
 */

import { PACK, packOf } from "./packing.js";

/** @typedef {import("../types.js").ChannelState} ChannelState */
/** @typedef {import("../types.js").Picture} Picture */

/** Channels that are painted at once: what every WebGL 2 has uniforms for. */
export const MAX_SHOWN = 16;

/**
 * @param {string} colour "#rrggbb"
 * @returns {[number, number, number]} 0..1
 */
export function rgb(colour) {
  const digits = /^#[0-9a-f]{6}$/i.test(colour) ? colour.slice(1) : "ffffff";
  const part = (/** @type {number} */ at) => parseInt(digits.slice(at, at + 2), 16) / 255;
  return [part(0), part(2), part(4)];
}

/** @type {Picture} */
export const AS_IT_IS = Object.freeze({ brightness: 0, contrast: 1, gamma: 1 });

/**
 * A channel's window and gamma with the picture's brightness, contrast and gamma worked in:
 * share' = (share - 0.5) × contrast + 0.5 + brightness, clamped once, is a window too.
 *
 * @param {ChannelState} channel
 * @param {Picture} picture
 * @returns {{low: number, high: number, gamma: number}}
 */
export function effective({ low, high, gamma }, picture) {
  const width = Math.max(1, high - low);
  const from = low - ((0.5 + picture.brightness - 0.5 * picture.contrast) / picture.contrast) * width;
  return { low: from, high: from + width / picture.contrast, gamma: gamma * picture.gamma };
}

/**
 * The columns of mixer × status: colour times opacity, or nothing.
 *
 * @param {ChannelState} channel
 * @returns {[number, number, number]}
 */
export function column({ shown, colour, opacity }) {
  const [red, green, blue] = rgb(colour);
  return shown ? [red * opacity, green * opacity, blue * opacity] : [0, 0, 0];
}

/**
 * The shader's sum for one pixel, not clamped.
 *
 * @param {(channel: number) => number} value raw intensity of a channel
 * @param {readonly ChannelState[]} channels
 * @param {Picture} picture
 * @param {readonly number[]} indices of the channels that are summed
 * @returns {[number, number, number]} 0..1 and more
 */
function sumOf(value, channels, picture, indices) {
  /** @type {[number, number, number]} */
  const sum = [0, 0, 0];
  for (const i of indices) {
    const channel = /** @type {ChannelState} */ (channels[i]);
    const { low, high, gamma } = effective(channel, picture);
    const intensity = Math.min(1, Math.max(0, (value(i) - low) / (high - low))) ** gamma;
    column(channel).forEach((part, c) => {
      sum[c] = (sum[c] ?? 0) + part * intensity;
    });
  }
  return sum;
}

/**
 * The shader's sum for one pixel.
 *
 * @param {readonly number[]} values one raw intensity per channel
 * @param {readonly ChannelState[]} channels
 * @param {Picture} [picture]
 * @returns {[number, number, number]} 0..255
 */
export function mix(values, channels, picture = AS_IT_IS) {
  const [red, green, blue] = sumOf((i) => values[i] ?? 0, channels, picture, channels.map((_, i) => i));
  return [level(red), level(green), level(blue)];
}

/** @param {number} share */
function level(share) {
  return Math.round(Math.min(1, share) * 255);
}

/**
 * Uniform arrays of the channels painted together, by packs of four; what is not shown of a pack adds nothing.
 *
 * @param {readonly ChannelState[]} channels
 * @param {readonly number[]} indices of those that are painted, at most MAX_SHOWN
 * @param {Picture} [picture]
 */
export function uniforms(channels, indices, picture = AS_IT_IS) {
  const shown = indices.slice(0, MAX_SHOWN);
  const packs = [...new Set(shown.map(packOf))];
  if (!packs.length) {
    packs.push(0); // nothing is shown of it
  }
  const low = new Float32Array(PACK * packs.length);
  const high = new Float32Array(PACK * packs.length).fill(1);
  const gamma = new Float32Array(PACK * packs.length).fill(1);
  const mixer = new Float32Array(3 * PACK * packs.length);
  for (const index of shown) {
    const state = /** @type {ChannelState} */ (channels[index]);
    const at = PACK * packs.indexOf(packOf(index)) + (index % PACK);
    ({ low: low[at], high: high[at], gamma: gamma[at] } = effective(state, picture));
    mixer.set(column(state), 3 * at);
  }
  return { packs, low, high, gamma, curved: gamma.some((value) => value !== 1), mixer };
}

/**
 * What is painted together: shown channels that are moved alike, in order. More than MAX_SHOWN are not painted.
 *
 * @param {readonly ChannelState[]} channels
 * @returns {{dx: number, dy: number, channels: number[]}[]}
 */
export function passes(channels) {
  /** @type {Map<string, {dx: number, dy: number, channels: number[]}>} */
  const found = new Map();
  const shown = channels.flatMap((channel, i) => (channel.shown ? [i] : [])).slice(0, MAX_SHOWN);
  for (const i of shown) {
    const { dx, dy } = /** @type {ChannelState} */ (channels[i]);
    const key = `${dx},${dy}`;
    const pass = found.get(key) ?? { dx, dy, channels: [] };
    pass.channels.push(i);
    found.set(key, pass);
  }
  return [...found.values()];
}

/**
 * The colour where nothing was scanned: white glass or darkness, painted as pixels are.
 *
 * @param {import("../types.js").PaintState} state
 * @param {readonly number[]} indices of the channels that are painted
 * @param {"brightfield" | "fluorescence"} modality
 * @returns {[number, number, number]}
 */
export function glass({ channels, picture }, indices, modality) {
  return sumOf(() => (modality === "brightfield" ? 255 : 0), channels, picture, indices);
}
