// @ts-check
// Which part of the photograph is looked at. Everything is in picture pixels; every view keeps the stage's aspect.

/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {{width: number, height: number}} Size */

export const LEAST = 24; // picture pixels across at the nearest
const MARGIN = 0.3; // of the scan area's longer side, all round
const NEAREST_AT_FIRST = 48;

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/** The view kept on the picture; a side longer than the picture is centred. @param {Box} view @param {Size} size @returns {Box} */
function kept(view, size) {
  const along = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ whole) =>
    length >= whole ? (whole - length) / 2 : clamp(at, 0, whole - length);
  return { ...view, x: along(view.x, view.width, size.width), y: along(view.y, view.height, size.height) };
}

/** All of the glass. @param {Size} size @param {number} aspect @returns {Box} */
export function whole(size, aspect) {
  const height = Math.max(size.height, size.width / aspect);
  return kept({ x: 0, y: 0, width: height * aspect, height }, size);
}

/** The scan area with a margin. @param {Box} area @param {Size} size @param {number} aspect @returns {Box} */
export function near(area, size, aspect) {
  const around = 2 * MARGIN * Math.max(area.width, area.height);
  const height = Math.max(NEAREST_AT_FIRST, area.height + around, (area.width + around) / aspect);
  const width = height * aspect;
  const view = { x: area.x + area.width / 2 - width / 2, y: area.y + area.height / 2 - height / 2, width, height };
  return width > size.width ? whole(size, aspect) : kept(view, size);
}

/** Nearer (factor < 1) or farther, with the place under the pointer standing still.
 * @param {Box} view @param {{x: number, y: number}} at @param {number} factor @param {Size} size @returns {Box} */
export function zoomed(view, at, factor, size) {
  const aspect = view.width / view.height;
  const width = Math.max(LEAST, view.width * factor);
  const most = whole(size, aspect);
  if (width >= most.width) return most;
  const by = width / view.width;
  return kept({ x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by, width, height: width / aspect }, size);
}

/** @param {Box} view @param {number} dx @param {number} dy @param {Size} size @returns {Box} */
export const panned = (view, dx, dy, size) => kept({ ...view, x: view.x - dx, y: view.y - dy }, size);
