/**
 * @file The tiles of a vendor's TIFF are JPEGs without their tables and without a word on their colours: both stand once
 * for each level of the file. A browser's decoder wants one whole JPEG.
 */

/** @typedef {{tables: string, transform: number}} Completion base64 of the tables; Adobe's transform: 0 RGB, 1 YCbCr */

const START = 2;
const END = 2;
const MARKER = 0xff;
const JFIF = 0xe0;

/**
 * @param {Completion} completion of the tile's level
 * @returns {(tile: Uint8Array) => Uint8Array} one whole JPEG
 */
export function completed({ tables, transform }) {
  const given = Uint8Array.from(atob(tables), (letter) => letter.charCodeAt(0));
  const adobe = [MARKER, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform];
  const head = Uint8Array.from([MARKER, 0xd8, ...adobe, ...given.subarray(START, Math.max(START, given.length - END))]);
  return (tile) => {
    const body = tile.subarray(afterJfif(tile)); // JFIF would say YCbCr, whatever the file says
    const whole = new Uint8Array(head.length + body.length);
    whole.set(head);
    whole.set(body, head.length);
    return whole;
  };
}

/** @param {Uint8Array} tile */
function afterJfif(tile) {
  const has = tile[START] === MARKER && tile[START + 1] === JFIF;
  return has ? START + 2 + ((tile[START + 2] ?? 0) << 8 | (tile[START + 3] ?? 0)) : START;
}
