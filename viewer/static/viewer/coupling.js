/**
 * @file Two slides that move as one: where one of them is follows from the other, by the relation they had when locked.
 */

/** @typedef {import("./link.js").Place} Place */
/** @typedef {Place & {mirrored: boolean}} Seen */

/**
 * The slide step of a step on the screen, or back with `into`.
 *
 * @param {[number, number]} step
 * @param {Seen} seen
 * @param {boolean} into the screen
 * @returns {[number, number]}
 */
function turned([x, y], { resolution, rotation, mirrored }, into) {
  const hand = mirrored ? -1 : 1;
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  if (into) {
    return [(hand * (x * cos - y * sin)) / resolution, (x * sin + y * cos) / resolution];
  }
  return [(hand * x * cos + y * sin) * resolution, (y * cos - hand * x * sin) * resolution];
}

/**
 * @param {Seen} one as they lie now, side by side
 * @param {Seen} other
 * @returns {(place: Seen) => Place} where the other is when the one is at `place`
 */
export function coupled(one, other) {
  const hand = one.mirrored === other.mirrored ? 1 : -1;
  return (place) => {
    const [right, down] = turned([place.x - one.x, place.y - one.y], one, true);
    const [x, y] = turned([right, down], other, false);
    return {
      x: other.x + x,
      y: other.y + y,
      resolution: (other.resolution * place.resolution) / one.resolution,
      rotation: other.rotation + hand * (place.rotation - one.rotation),
    };
  };
}

/**
 * How two slides begin: middle on middle, at the same magnification.
 *
 * @param {{width: number, height: number, pixelSizeUm: number}} one
 * @param {{width: number, height: number, pixelSizeUm: number}} other
 * @param {Place} place of the one
 * @returns {Place} of the other
 */
export function alike(one, other, place) {
  const scale = one.pixelSizeUm > 0 && other.pixelSizeUm > 0 ? one.pixelSizeUm / other.pixelSizeUm : 1;
  return {
    x: other.width / 2 + (place.x - one.width / 2) * scale,
    y: other.height / 2 + (place.y - one.height / 2) * scale,
    resolution: place.resolution * scale,
    rotation: place.rotation,
  };
}
