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

/** Decoded bytes that one request should bring, about. */
const BATCH_BYTES = 1 << 21;
const BATCH_BLOCKS = 32;

/**
 * @typedef {object} BlockGrid
 * @property {LevelHeader} level
 * @property {[number, number]} texels width and height of a field in this layer, not rounded up
 * @property {number} rows chunks per field, down
 * @property {number} columns chunks per field, across
 * @property {number} count blocks in the layer
 * @property {number} planeBytes decoded bytes of one channel of one block
 * @property {number} blockBytes decoded bytes of a block, all channels
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
  const blockBytes = planeBytes * header.channels.length;
  const perBatch = Math.max(1, Math.min(BATCH_BLOCKS, Math.floor(BATCH_BYTES / blockBytes)));
  const texels = /** @type {[number, number]} */ ([
    (header.fields?.width ?? 0) / level.downsample,
    (header.fields?.height ?? 0) / level.downsample,
  ]);
  return { level, texels, rows, columns, count: groups * rows * columns, planeBytes, blockBytes, perBatch };
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
 * @property {number} x offset in the field, level-1 px
 * @property {number} y
 * @property {number} width texels; with a fraction where the field ends within one
 * @property {number} height
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
  const { level, rows, columns } = grid;
  const parts = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const width = Math.min(level.chunkWidth, grid.texels[0] - column * level.chunkWidth);
      const height = Math.min(level.chunkHeight, grid.texels[1] - row * level.chunkHeight);
      const x = column * level.chunkWidth * level.downsample;
      const y = row * level.chunkHeight * level.downsample;
      const left = origin[0] + x;
      const top = origin[1] + y;
      const right = left + width * level.downsample;
      const bottom = top + height * level.downsample;
      if (right > box[0] && left < box[2] && bottom > box[1] && top < box[3]) {
        const block = blockOf(grid, field, row, column);
        parts.push({ block, slot: field % level.fieldsPerChunk, x, y, width, height });
      }
    }
  }
  return parts;
}
