/**
 * @file The framed batch that `/viewer/<uid>/chunks` answers with; viewer/frames.py writes it.
 *
 * Little-endian: magic "NCB1", uint32 count, count × uint32 length, then the payloads one after the other. The length
 * 0xffffffff stands for a chunk that the slide does not have (a field that was never acquired).
 */

const MAGIC = 0x3142434e;
const ABSENT = 0xffffffff;

/**
 * @param {ArrayBuffer} buffer
 * @returns {(Uint8Array | null)[]} views into the buffer
 * @throws {RangeError} when the batch is cut or is something else
 */
export function readFrames(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, true) !== MAGIC) {
    throw new RangeError("not a batch of chunks");
  }
  const count = view.getUint32(4, true);
  let at = 8 + 4 * count;
  if (at > buffer.byteLength) {
    throw new RangeError("batch of chunks is cut");
  }
  const frames = [];
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(8 + 4 * i, true);
    if (length === ABSENT) {
      frames.push(null);
      continue;
    }
    if (at + length > buffer.byteLength) {
      throw new RangeError("batch of chunks is cut");
    }
    frames.push(new Uint8Array(buffer, at, length));
    at += length;
  }
  return frames;
}

/**
 * The same batch of chunks that came another way.
 *
 * @param {(Uint8Array | null)[]} frames
 * @returns {ArrayBuffer}
 */
export function writeFrames(frames) {
  const begin = 8 + 4 * frames.length;
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + (frame?.length ?? 0), begin));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, frames.length, true);
  let at = begin;
  frames.forEach((frame, i) => {
    view.setUint32(8 + 4 * i, frame?.length ?? ABSENT, true);
    if (frame) {
      bytes.set(frame, at);
      at += frame.length;
    }
  });
  return bytes.buffer;
}
