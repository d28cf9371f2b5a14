/**
 * @file The link to this view: everything that is painted, in the address after #.
 *
 * `x y` centre in level-1 px, `s` slide px per screen px, `r` rotation in degrees; then, only where they differ from how the
 * slide opens: `m` mirrored, `z` `t` focus layer and time point, `g` registration, `b` field borders, `p` colour profile
 * (each 0 or 1), `i` picture = brightness,contrast,gamma, and `c0`, `c1` … one channel each =
 * shown,colour,low,high,gamma,opacity,dx,dy. Of two slides side by side the second one's names begin with `2`.
 * Names that are not ours are left alone.
 */

/** @typedef {import("./types.js").PaintState} PaintState */
/** @typedef {import("./types.js").ChannelState} ChannelState */

/**
 * @typedef {object} Place
 * @property {number} x level-1 px
 * @property {number} y
 * @property {number} resolution level-1 px per screen px
 * @property {number} rotation radians
 */

/** @type {Record<string, "mirrored" | "registered" | "borders" | "profile">} */
const SWITCHES = { m: "mirrored", g: "registered", b: "borders", p: "profile" };
/** @type {Record<string, "z" | "t">} */
const LAYERS = { z: "z", t: "t" };
const OURS = /^([xysrmztgbpi]|c\d{1,2})$/;

/** @param {string} hash */
function values(hash) {
  return new URLSearchParams(hash.replace(/^#/, ""));
}

/**
 * @param {string} hash
 * @param {string} [prefix]
 * @returns {Place | null} null when it names no place
 */
export function readPlace(hash, prefix = "") {
  const given = values(hash);
  const number = (/** @type {string} */ name) => (given.has(prefix + name) ? Number(given.get(prefix + name)) : NaN);
  const place = { x: number("x"), y: number("y"), resolution: number("s"), rotation: (number("r") || 0) * (Math.PI / 180) };
  const sound = [place.x, place.y, place.resolution, place.rotation].every(Number.isFinite) && place.resolution > 0;
  return sound ? place : null;
}

/**
 * @param {string} hash
 * @param {PaintState} first how the slide opens
 * @param {string} [prefix]
 * @returns {PaintState} that, changed as the link says; what makes no sense is left out
 */
export function readState(hash, first, prefix = "") {
  const given = values(hash);
  const state = { ...first, picture: { ...first.picture }, channels: first.channels.map((channel) => ({ ...channel })) };
  for (const [name, key] of Object.entries(SWITCHES)) {
    const value = given.get(prefix + name);
    state[key] = value === "0" || value === "1" ? value === "1" : first[key];
  }
  for (const [name, key] of Object.entries(LAYERS)) {
    const value = given.get(prefix + name) ?? "";
    state[key] = /^\d{1,4}$/.test(value) ? Number(value) : first[key];
  }
  const [brightness, contrast, gamma] = numbers(given.get(`${prefix}i`), 3);
  if (contrast && gamma && contrast > 0 && gamma > 0) {
    state.picture = { brightness: brightness ?? 0, contrast, gamma };
  }
  state.channels.forEach((channel, i) => Object.assign(channel, readChannel(given.get(`${prefix}c${i}`))));
  return state;
}

/**
 * @param {string | null} text
 * @param {number} count
 * @returns {number[]} so many finite numbers, or none
 */
function numbers(text, count) {
  const found = (text ?? "").split(",").map(Number);
  return text && found.length === count && found.every(Number.isFinite) ? found : [];
}

/**
 * @param {string | null} text
 * @returns {Partial<ChannelState>}
 */
function readChannel(text) {
  const [shown = "", colour = "", ...rest] = (text ?? "").split(",");
  const [low, high, gamma, opacity, dx, dy] = numbers(rest.join(","), 6);
  const sound = /^[01]$/.test(shown) && /^[0-9a-f]{6}$/i.test(colour) && high !== undefined && gamma !== undefined && gamma > 0;
  return sound ? { shown: shown === "1", colour: `#${colour}`, low, high, gamma, opacity, dx, dy } : {};
}

/** @param {ChannelState} channel */
function writeChannel({ shown, colour, low, high, gamma, opacity, dx, dy }) {
  return [Number(shown), colour.slice(1), low, high, gamma, opacity, dx, dy].join(",");
}

/**
 * @param {Place} place
 * @param {PaintState} state
 * @param {PaintState} first how the slide opens
 * @param {{hash?: string, prefix?: string}} [also] the address as it is, whose other names are kept
 * @returns {string} starts with #
 */
export function writeLink(place, state, first, { hash = "", prefix = "" } = {}) {
  const degrees = Number(((place.rotation * 180) / Math.PI).toFixed(9));
  /** @type {[string, string | number][]} */
  const written = [["x", place.x], ["y", place.y], ["s", place.resolution]];
  if (degrees) {
    written.push(["r", degrees]);
  }
  for (const [name, key] of Object.entries({ ...SWITCHES, ...LAYERS })) {
    if (state[key] !== first[key]) {
      written.push([name, Number(state[key])]);
    }
  }
  const { brightness, contrast, gamma } = state.picture;
  if (brightness || contrast !== 1 || gamma !== 1) {
    written.push(["i", [brightness, contrast, gamma].join(",")]);
  }
  state.channels.forEach((channel, i) => {
    const text = writeChannel(channel);
    if (text !== writeChannel(first.channels[i] ?? channel)) {
      written.push([`c${i}`, text]);
    }
  });
  const ours = (/** @type {string} */ name) => name.startsWith(prefix) && OURS.test(name.slice(prefix.length));
  const others = [...values(hash)].filter(([name]) => !ours(name)).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `#${[...written.map(([name, value]) => `${prefix}${name}=${value}`), ...others].join("&")}`;
}
