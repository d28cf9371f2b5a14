/**
 * @file The zoom manager: which stored layer answers a resolution, and which resolutions the view may take.
 */

/** A layer may be magnified this much before the next finer one is fetched: 16 times fewer pixels for a slight blur. */
const MAGNIFICATION_ALLOWED = 1.5;

/**
 * The coarsest layer that still looks sharp.
 *
 * @param {readonly number[]} downsamples ascending
 * @param {number} resolution level-1 pixels per screen pixel
 * @returns {number} position in `downsamples`
 */
export function chooseLevel(downsamples, resolution) {
  return Math.max(0, downsamples.findLastIndex((downsample) => downsample <= resolution * MAGNIFICATION_ALLOWED));
}

/**
 * How many samples per axis a screen pixel averages, 1 (nearest) to 4 (the largest gap between layers).
 *
 * @param {number} resolution level-1 pixels per screen pixel
 * @param {number} downsample of the layer painted
 * @returns {number}
 */
export function tapsPerAxis(resolution, downsample) {
  return Math.min(4, Math.max(1, Math.ceil(resolution / downsample - 0.05)));
}

/**
 * The magnification at which one slide pixel is one screen pixel.
 *
 * @param {number} objective power of the objective, e.g. 40; 0 when unknown, then 20 is assumed for 0.5 µm pixels
 * @param {number} pixelSizeUm 0 when unknown
 * @returns {number}
 */
export function power(objective, pixelSizeUm) {
  return objective > 0 ? objective : 10 / (pixelSizeUm || 0.5);
}

/**
 * Resolutions of the magnification presets.
 *
 * @param {number} objective
 * @param {number} pixelSizeUm
 * @returns {{label: string, resolution: number}[]}
 */
export function presets(objective, pixelSizeUm) {
  return [1, 2, 4, 10, 20, 40].map((wanted) => ({ label: `${wanted}×`, resolution: power(objective, pixelSizeUm) / wanted }));
}

/**
 * The resolution at which the whole slide just fits.
 *
 * @param {number} width of the slide, px
 * @param {number} height
 * @param {[number, number]} screen size, px
 */
export function fitting(width, height, screen) {
  return Math.max(width / Math.max(1, screen[0]), height / Math.max(1, screen[1]));
}

/** On the screen the whole slide is never smaller than this: no screen's size in it, so that a link means the same on each. */
const SMALLEST_PX = 96;

/**
 * @param {number} width of the slide, px
 * @param {number} height
 * @returns {{min: number, max: number}} the finest and coarsest resolution
 */
export function resolutionRange(width, height) {
  return { min: 1 / 16, max: Math.max(1, Math.max(width, height) / SMALLEST_PX) };
}
