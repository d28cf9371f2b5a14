/**
 * @file The outline of a shape with as many corners as a zoom can show.
 */

import { boxOf } from "./geometry.js";

/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */
/** Paths as x, y, x, y … @typedef {{paths: Float64Array[], closed: boolean, box: [number, number, number, number]}} Outline */

/** Corners nearer to each other than this are one, screen px. */
const STEP_PX = 0.75;

/** By the geometry itself: an edited shape has a new one. @type {WeakMap<ShapeJson, Map<number, Outline>>} */
const known = new WeakMap();

/**
 * @param {ShapeJson} shape
 * @param {number} resolution slide px per screen px
 * @returns {Outline}
 */
export function thinned(shape, resolution) {
  const octave = Math.floor(Math.log2(resolution));
  const octaves = known.get(shape) ?? new Map();
  known.set(shape, octaves);
  const found = octaves.get(octave);
  if (found) {
    return found;
  }
  const outline = outlineOf(shape, STEP_PX * 2 ** octave);
  octaves.set(octave, outline);
  return outline;
}

/**
 * @param {ShapeJson} shape
 * @param {number} step px
 * @returns {Outline}
 */
function outlineOf(shape, step) {
  const paths = ringsOf(shape).map((ring) => sparse(ring, step));
  return { paths, closed: shape.type !== "LineString", box: boxOf(shape) };
}

/** @param {ShapeJson} shape @returns {number[][][]} */
function ringsOf({ type, coordinates }) {
  const nested = /** @type {any} */ (coordinates);
  return type === "MultiPolygon" ? nested.flat() : type === "Polygon" ? nested : type === "Point" ? [[nested]] : [nested];
}

/** @param {number[][]} ring @param {number} step */
function sparse(ring, step) {
  const kept = new Float64Array(ring.length * 2);
  let length = 0;
  ring.forEach(([x = 0, y = 0], i) => {
    const near = length > 0 && Math.hypot(x - (kept[length - 2] ?? 0), y - (kept[length - 1] ?? 0)) < step;
    if (!near || i === ring.length - 1) {
      kept[length++] = x;
      kept[length++] = y;
    }
  });
  return kept.slice(0, length);
}
