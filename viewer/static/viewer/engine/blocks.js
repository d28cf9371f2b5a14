/**
 * @file Arithmetic of blocks and batches.
 *
 * A *block* is one stored chunk seen over all channels: `fieldsPerChunk` fields × (chunkHeight × chunkWidth) of one zoom
 * layer. Blocks are numbered group by group, row by row. A *batch* is a fixed run of blocks that is fetched by one request:
 * the partition depends on the slide alone, never on the view, so that a batch's address is the same for every reader
 * and the browser's cache answers it for ever.
 */

/** @typedef {import("../types.js").LevelHeader} LevelHeader */
/** @typedef {import("../types.js").SlideHeader} SlideHeader */

import { packed } from "./packing.js";

/** Decoded bytes that one request should bring, about. */
const BATCH_BYTES = 1 << 21;
const BATCH_BLOCKS = 32;

/**
 * @typedef {object} BlockGrid
 * @property {LevelHeader} level
 * @property {[number, number]} texels width and height of a field in this layer, not rounded up
 * @property {number} channels of the slide
 * @property {number} packs texels that hold them all, one upon the other
 * @property {1 | 2 | 4} components of such a texel
 * @property {number} rows chunks per field, down
 * @property {number} columns chunks per field, across
 * @property {number} count blocks in the layer
 * @property {number} planeBytes decoded bytes of one channel of one block
 * @property {number} blockBytes of a block on the card, all channels
 * @property {number} perBatch
 */

/**
 * @param {SlideHeader} header
 * @param {LevelHeader} level
 * @returns {BlockGrid}
 */
export function blockGrid(header, level) {
  const rows = Math.ceil(level.height / level.chunkHeight);
  const columns = Math.ceil(level.width / level.chunkWidth);
  const groups = Math.ceil((header.fields?.x.length ?? 0) / level.fieldsPerChunk);
  const sample = header.dtype === "uint16" ? 2 : 1;
  const planeBytes = level.fieldsPerChunk * level.chunkHeight * level.chunkWidth * sample;
  const channels = header.channels.length;
  const { packs, components } = packed(channels);
  const blockBytes = planeBytes * packs * components;
  const many = Math.max(1, Math.min(BATCH_BLOCKS, Math.floor(BATCH_BYTES / (planeBytes * channels))));
  const perBatch = header.kind === "vendor" ? 1 : many; // a tile has an address of its own
  const texels = /** @type {[number, number]} */ ([
    (header.fields?.width ?? 0) / level.downsample,
    (header.fields?.height ?? 0) / level.downsample,
  ]);
  const count = groups * rows * columns;
  return { level, texels, channels, packs, components, rows, columns, count, planeBytes, blockBytes, perBatch };
}

/**
 * @param {BlockGrid} grid
 * @param {number} field index
 * @param {number} row
 * @param {number} column
 * @returns {number}
 */
export function blockOf(grid, field, row, column) {
  const group = Math.floor(field / grid.level.fieldsPerChunk);
  return (group * grid.rows + row) * grid.columns + column;
}

/**
 * The first and one-past-last block of a batch.
 *
 * @param {BlockGrid} grid
 * @param {number} batch
 * @returns {[number, number]}
 */
export function batchRange(grid, batch) {
  const first = batch * grid.perBatch;
  return [first, Math.min(grid.count, first + grid.perBatch)];
}

/**
 * @typedef {object} Part one chunk's share of a field
 * @property {number} block
 * @property {number} slot place of the field within the block
 * @property {number} left texels from the field's left edge
 * @property {number} top
 * @property {number} right with a fraction where the field ends within a texel
 * @property {number} bottom
 */

/**
 * The parts of a field that meet a box.
 *
 * @param {BlockGrid} grid
 * @param {number} field index
 * @param {[number, number]} origin of the field, level-1 px
 * @param {import("./layout.js").Box} box level-1 px
 * @returns {Part[]}
 */
export function partsOf(grid, field, origin, box) {
  const { level, texels } = grid;
  const slot = field % level.fieldsPerChunk;
  const across = span(origin[0], box[0], box[2], level.chunkWidth * level.downsample, grid.columns);
  const down = span(origin[1], box[1], box[3], level.chunkHeight * level.downsample, grid.rows);
  const parts = [];
  for (let row = down[0]; row < down[1]; row++) {
    for (let column = across[0]; column < across[1]; column++) {
      const left = column * level.chunkWidth;
      const top = row * level.chunkHeight;
      const right = Math.min(left + level.chunkWidth, texels[0]);
      const bottom = Math.min(top + level.chunkHeight, texels[1]);
      parts.push({ block: blockOf(grid, field, row, column), slot, left, top, right, bottom });
    }
  }
  return parts;
}

/**
 * The first and one-past-last chunk of a field that meet `from`..`to`, along one axis.
 *
 * @param {number} origin
 * @param {number} from
 * @param {number} to
 * @param {number} side of a chunk
 * @param {number} count of chunks
 * @returns {[number, number]}
 */
function span(origin, from, to, side, count) {
  return [Math.max(0, Math.floor((from - origin) / side)), Math.min(count, Math.ceil((to - origin) / side))];
}
