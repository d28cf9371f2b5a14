/**
 * @file From stored chunks to planes of samples: what the decode worker does with each, apart from the codecs themselves.
 */

/**
 * @typedef {object} Coding how the frames of one batch are stored
 * @property {"blosc" | "jpeg"} encoding
 * @property {boolean} framed whether it is a framed batch, or one frame as it is
 * @property {number[]} offsets what to add to the samples of each channel of the batch, channel by channel
 * @property {[number, number]} size width and height of a chunk, whose fields lie one below the other
 */

/**
 * @typedef {object} Codecs
 * @property {(frame: Uint8Array) => Promise<ArrayBuffer>} blosc
 * @property {(frame: Uint8Array, size: [number, number]) => Promise<Uint8ClampedArray>} jpeg red, green, blue, alpha of
 *   each pixel of so large a picture
 */

/**
 * The planes of a batch: one for each Blosc frame, three for each JPEG; null where the slide has none.
 *
 * @param {(Uint8Array | null)[]} frames
 * @param {Coding} coding
 * @param {Codecs} codecs
 * @returns {Promise<(ArrayBuffer | null)[]>}
 */
export async function planesOf(frames, { encoding, offsets, size }, codecs) {
  /** @type {(ArrayBuffer | null)[]} */
  const planes = [];
  for (const [i, frame] of frames.entries()) {
    if (encoding === "jpeg") {
      planes.push(...(frame ? planar(await codecs.jpeg(frame, size)) : [null, null, null]));
    } else {
      planes.push(frame ? shifted(await codecs.blosc(frame), offsets[i % offsets.length] ?? 0) : null);
    }
  }
  return planes;
}

/**
 * @param {Uint8ClampedArray} rgba
 * @returns {ArrayBuffer[]} red, green, blue
 */
export function planar(rgba) {
  const count = rgba.length / 4;
  return [0, 1, 2].map((colour) => {
    const plane = new Uint8Array(count);
    for (let i = 0, at = colour; i < count; i++, at += 4) {
      plane[i] = /** @type {number} */ (rgba[at]);
    }
    return plane.buffer;
  });
}

/**
 * Adds to each 16-bit sample, modulo 2^16, in place.
 *
 * @param {ArrayBuffer} plane
 * @param {number} offset 0 for samples of 8 bits
 */
export function shifted(plane, offset) {
  if (offset) {
    const samples = new Uint16Array(plane);
    for (let i = 0; i < samples.length; i++) {
      samples[i] = /** @type {number} */ (samples[i]) + offset;
    }
  }
  return plane;
}
