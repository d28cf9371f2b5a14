/**
 * @file Where the bytes of a block are, and how they are packed: chunks of a mosaic, or tiles of a vendor's file.
 *
 * A vendor's file is painted by the same engine: as a mosaic of one field that is as large as the slide, whose chunks are
 * the server's tiles.
 */

import { batchRange } from "./blocks.js";

/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("./loader.js").BatchWish} BatchWish */
/** @typedef {import("./samples.js").Coding} Coding */

/**
 * @param {SlideHeader} header
 * @returns {SlideHeader} with fields and levels, whatever the slide
 */
export function asMosaic(header) {
  if (header.kind === "mosaic") {
    return header;
  }
  const { size, downsamples } = header.tiles;
  const levels = downsamples.map((downsample) => ({
    downsample,
    width: Math.ceil(header.width / downsample),
    height: Math.ceil(header.height / downsample),
    chunkWidth: size,
    chunkHeight: size,
    fieldsPerChunk: 1,
  }));
  const place = { x: [0], y: [0], z: [0], t: [0], registeredX: null, registeredY: null };
  const fields = { width: header.width, height: header.height, ...place };
  return { ...header, encoding: "jpeg", dtype: "uint8", layers: 1, times: 1, levels, fields };
}

/**
 * @param {SlideHeader} header
 * @param {{chunks: string, tiles: string}} urls
 * @returns {(wish: BatchWish) => string}
 */
export function addresses(header, urls) {
  if (header.kind === "vendor") {
    return ({ grid, batch }) => {
      const level = header.tiles.downsamples.indexOf(grid.level.downsample);
      const place = `${level}/${batch % grid.columns}/${Math.floor(batch / grid.columns)}`;
      return `${urls.tiles}${place}.jpg?v=${header.version}`;
    };
  }
  const together = header.encoding === "jpeg"; // one chunk holds all channels: it is asked for as that of channel 0
  return ({ grid, batch, channels }) => {
    const [first, end] = batchRange(grid, batch);
    const asked = together ? [0] : channels;
    const part = `level=${grid.level.downsample}&blocks=${first}-${end - 1}&channels=${asked.join(",")}`;
    return `${urls.chunks}?v=${header.version}&${part}`;
  };
}

/**
 * @param {SlideHeader} header
 * @param {BatchWish} wish
 * @returns {Coding}
 */
export function codingOf(header, { grid: { level }, channels }) {
  return {
    encoding: header.encoding,
    framed: header.kind === "mosaic",
    offsets: channels.map((channel) => header.channels[channel]?.offset ?? 0),
    size: [level.chunkWidth, level.chunkHeight * level.fieldsPerChunk],
  };
}
