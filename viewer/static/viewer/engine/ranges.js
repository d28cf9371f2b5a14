/**
 * @file Chunks read from the slide's own file by byte ranges: any host of plain files will do, with no program of ours.
 *
 * Where each chunk lies says the slide's *index*, little-endian: magic "NSI1", uint32 count, count × uint64 offset,
 * count × uint32 size, the levels one after the other as the header lists them, each in the order (group of fields,
 * plane, row, column). A size of 0 stands for a chunk that the slide does not have. corpus/site/viewing.py writes it.
 */

import { completed } from "./abbreviated.js";
import { batchRange } from "./blocks.js";
import { writeFrames } from "./frames.js";
import { answered, checked, Refused } from "./source.js";

/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {import("./loader.js").BatchWish} BatchWish */
/** @typedef {import("./source.js").ChunkSource} ChunkSource */
/** @typedef {import("./source.js").Fetch} Fetch */
/** @typedef {import("./abbreviated.js").Completion} Completion */

/** @typedef {{offset: number, size: number}} Place bytes of the file */
/** @typedef {{offset: number, end: number, places: {place: Place, at: number}[]}} Run one request; `at` numbers its chunks */
/** @typedef {{url: string, bytes: number, complete?: Completion[]}} SlideFile `complete` by level, where chunks are tiles of a vendor */

const MAGIC = 0x3149534e;
/** Bytes between two chunks that are worth less than a request of their own. */
const GAP = 1 << 14;
const NO_RANGES =
  "This host sends whole files instead of parts of them (byte ranges), so slides cannot be viewed here. Download the file.";

/**
 * @param {ArrayBuffer} buffer
 * @returns {(chunk: number) => Place} by the chunk's number over all levels
 * @throws {RangeError} when it is cut or something else
 */
export function readIndex(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, true) !== MAGIC) {
    throw new RangeError("This is not the index of a slide.");
  }
  const count = view.getUint32(4, true);
  if (buffer.byteLength !== 8 + 12 * count) {
    throw new RangeError("The index of this slide is cut.");
  }
  return (chunk) => {
    if (chunk >= count) {
      throw new RangeError("The index of this slide is of another slide.");
    }
    return { offset: Number(view.getBigUint64(8 + 8 * chunk, true)), size: view.getUint32(8 + 8 * count + 4 * chunk, true) };
  };
}

/**
 * The numbers of the chunks of a batch, block by block and channel by channel.
 *
 * @param {SlideHeader} header
 * @param {BatchWish} wish
 * @returns {number[]}
 */
export function chunksOf(header, { grid, batch, channels }) {
  const planes = planesOf(header);
  const position = header.levels.findIndex(({ downsample }) => downsample === grid.level.downsample);
  const before = header.levels.slice(0, position).reduce((sum, level) => sum + chunksIn(header, level), 0);
  const each = grid.rows * grid.columns;
  const [first, end] = batchRange(grid, batch);
  const asked = planes === 1 ? [0] : channels;
  const blocks = Array.from({ length: end - first }, (_, i) => first + i);
  return blocks.flatMap((block) =>
    asked.map((plane) => before + (Math.floor(block / each) * planes + plane) * each + (block % each)));
}

/** @param {SlideHeader} header how many chunks hold the channels of a block: a JPEG holds all */
function planesOf(header) {
  return header.encoding === "jpeg" ? 1 : header.channels.length;
}

/**
 * @param {SlideHeader} header
 * @param {import("../types.js").LevelHeader} level
 */
function chunksIn(header, { width, height, chunkWidth, chunkHeight, fieldsPerChunk }) {
  const groups = Math.ceil((header.fields?.x.length ?? 0) / fieldsPerChunk);
  return groups * planesOf(header) * Math.ceil(height / chunkHeight) * Math.ceil(width / chunkWidth);
}

/**
 * Chunks that lie side by side come in one request.
 *
 * @param {Place[]} places
 * @returns {Run[]} in the order of the file
 */
export function runsOf(places) {
  const there = places.map((place, at) => ({ place, at })).filter(({ place }) => place.size);
  /** @type {Run[]} */
  const runs = [];
  for (const one of there.sort((a, b) => a.place.offset - b.place.offset)) {
    const { offset, size } = one.place;
    const last = runs.at(-1);
    if (last && offset - last.end <= GAP) {
      last.end = Math.max(last.end, offset + size);
      last.places.push(one);
    } else {
      runs.push({ offset, end: offset + size, places: [one] });
    }
  }
  return runs;
}

/**
 * @param {SlideHeader} header of a mosaic
 * @param {SlideFile} file
 * @param {ArrayBuffer} index
 * @param {Fetch} [fetched]
 * @returns {ChunkSource}
 */
export function ranges(header, file, index, fetched = (url, init) => fetch(url, init)) {
  const placeOf = readIndex(index);
  const whole = file.complete?.map(completed);
  return async (wish, signal) => {
    const places = chunksOf(header, wish).map(placeOf);
    /** @type {(Uint8Array | null)[]} */
    const frames = places.map(() => null);
    await Promise.all(
      runsOf(places).map(async (run) => {
        const bytes = await part(fetched, file, run, signal);
        run.places.forEach(({ place, at }) => (frames[at] = bytes.subarray(place.offset - run.offset, place.offset - run.offset + place.size)));
      }),
    );
    const complete = whole?.[header.levels.findIndex(({ downsample }) => downsample === wish.grid.level.downsample)];
    return writeFrames(complete ? frames.map((frame) => frame && complete(frame)) : frames);
  };
}

/**
 * @param {Fetch} fetched
 * @param {SlideFile} file
 * @param {{offset: number, end: number}} run
 * @param {AbortSignal} signal
 * @returns {Promise<Uint8Array>}
 */
async function part(fetched, file, { offset, end }, signal) {
  const asked = new AbortController(); // a whole slide that comes instead of a part is stopped at its first bytes
  const either = AbortSignal.any([signal, asked.signal]);
  const response = await answered(fetched, file.url, { signal: either, headers: { Range: `bytes=${offset}-${end - 1}` } });
  if (response.status === 200) {
    asked.abort();
    throw new Refused(NO_RANGES);
  }
  if (response.status === 416) {
    throw new Refused("The file of this slide is shorter than when this site was written.");
  }
  checked(response);
  const whole = /^bytes \d+-\d+\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1];
  if (whole !== undefined && Number(whole) !== file.bytes) {
    asked.abort();
    throw new Refused("The file of this slide is another than when this site was written.");
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length !== end - offset) {
    throw new Error("A part of the slide came cut.");
  }
  return bytes;
}
