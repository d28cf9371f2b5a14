/**
 * @file The zoom manager: which stored layer answers a resolution, and which resolutions the view may take.
 */

/** A layer may be magnified this much before the next finer one is fetched: 16 times fewer pixels for a slight blur. */
const MAGNIFICATION_ALLOWED = 1.5;

/**
 * The coarsest layer that still looks sharp, or a coarser one when the visible pixels would not fit in memory.
 *
 * @param {readonly number[]} downsamples ascending
 * @param {number} resolution level-1 pixels per screen pixel
 * @param {(position: number) => boolean} [fits] whether the view's pixels of that layer fit in the budget
 * @returns {number} position in `downsamples`
 */
export function chooseLevel(downsamples, resolution, fits = () => true) {
  let chosen = 0;
  for (let position = 1; position < downsamples.length; position++) {
    const downsample = downsamples[position] ?? Infinity;
    if (downsample <= resolution * MAGNIFICATION_ALLOWED || !fits(chosen)) {
      chosen = position;
    }
  }
  return chosen;
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
 * Resolutions of the magnification presets. At the objective's own power one slide pixel is one screen pixel.
 *
 * @param {number} objective power of the objective, e.g. 40; 0 when unknown, then 20 is assumed for 0.5 µm pixels
 * @param {number} pixelSizeUm
 * @returns {{label: string, resolution: number}[]}
 */
export function presets(objective, pixelSizeUm) {
  const power = objective > 0 ? objective : 10 / pixelSizeUm;
  return [1, 2, 4, 10, 20, 40].map((wanted) => ({ label: `${wanted}×`, resolution: power / wanted }));
}

/**
 * @param {number} width of the slide, px
 * @param {number} height
 * @param {[number, number]} screen size, px
 * @returns {{min: number, max: number}} the finest and coarsest resolution
 */
export function resolutionRange(width, height, screen) {
  const whole = Math.max(width / Math.max(1, screen[0]), height / Math.max(1, screen[1]));
  return { min: 1 / 16, max: Math.max(1, whole * 2) };
}
