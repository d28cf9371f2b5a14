/**
 * @file Channels lie on the graphics card by fours: a texel holds one, two or four of them, so one fetch reads them all.
 * Fetches are what a picture costs where the processor paints it.
 */

/** Channels of a texel. */
export const PACK = 4;

/** @param {number} channel */
export function packOf(channel) {
  return Math.floor(channel / PACK);
}

/**
 * @param {number} channels of the slide
 * @returns {{packs: number, components: 1 | 2 | 4}}
 */
export function packed(channels) {
  return { packs: Math.max(1, Math.ceil(channels / PACK)), components: channels === 1 ? 1 : channels === 2 ? 2 : 4 };
}

/**
 * @template {Uint8Array | Uint16Array} Samples
 * @param {(Samples | undefined)[]} planes by component; one that is not there stays 0
 * @param {number} components
 * @param {Samples} into components × the length of a plane
 * @returns {Samples}
 */
export function interleave(planes, components, into) {
  planes.slice(0, components).forEach((plane, component) => {
    for (let i = 0, at = component; plane && i < plane.length; i++, at += components) {
      into[at] = /** @type {number} */ (plane[i]);
    }
  });
  return into;
}
