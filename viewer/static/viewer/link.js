/**
 * @file The link to this view: `#x=1200&y=800&s=2.5&r=90` (centre in level-1 px, slide px per screen px, rotation in degrees).
 */

/**
 * @typedef {object} Place
 * @property {number} x level-1 px
 * @property {number} y
 * @property {number} resolution level-1 px per screen px
 * @property {number} rotation radians
 */

/**
 * @param {string} hash
 * @returns {Place | null} null when it names no place
 */
export function readLink(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (/** @type {string} */ name) => (values.has(name) ? Number(values.get(name)) : NaN);
  const place = { x: number("x"), y: number("y"), resolution: number("s"), rotation: (number("r") || 0) * (Math.PI / 180) };
  const sound = [place.x, place.y, place.resolution, place.rotation].every(Number.isFinite) && place.resolution > 0;
  return sound ? place : null;
}

/**
 * @param {Place} place
 * @returns {string} starts with #
 */
export function writeLink({ x, y, resolution, rotation }) {
  const degrees = Math.round((rotation * 180) / Math.PI);
  return `#x=${Math.round(x)}&y=${Math.round(y)}&s=${Number(resolution.toPrecision(4))}${degrees ? `&r=${degrees}` : ""}`;
}
