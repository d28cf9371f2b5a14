/**
 * @file How large a shape is, in the units a pathologist writes.
 */

import { shapeArea, shapeLength } from "./geometry.js";

/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */

/** From here on lengths are said in mm, areas in mm². */
const MM_FROM_UM = 1000;
const MM2_FROM_UM2 = 100_000;

/** @param {number} value */
function three(value) {
  return String(Number(value.toPrecision(3)));
}

/**
 * @param {ShapeJson} shape in px
 * @param {number} pixelSizeUm 0 when unknown: then in px
 * @returns {string} empty for a point
 */
export function measured(shape, pixelSizeUm) {
  const [area, length] = [shapeArea(shape), shapeLength(shape)];
  if (!pixelSizeUm) {
    return area ? `${three(area)} px²` : length ? `${three(length)} px` : "";
  }
  if (area) {
    const um2 = area * pixelSizeUm ** 2;
    return um2 >= MM2_FROM_UM2 ? `${three(um2 / 1e6)} mm²` : `${three(um2)} µm²`;
  }
  const um = length * pixelSizeUm;
  return um >= MM_FROM_UM ? `${three(um / 1000)} mm` : um ? `${three(um)} µm` : "";
}
