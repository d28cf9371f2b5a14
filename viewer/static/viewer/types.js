/**
 * @file The shapes that cross module borders. `header.json` of a slide is `SlideHeader`; see viewer/queries.py.
 */

/**
 * @typedef {object} ChannelHeader
 * @property {string} name
 * @property {string} colour "#rrggbb"
 * @property {number} low first intensity shown
 * @property {number} high last intensity shown
 * @property {number} offset to add to its decoded samples, modulo 2^16
 */

/**
 * One zoom layer. A chunk holds `fieldsPerChunk` consecutive fields, one channel, `chunkHeight` × `chunkWidth` pixels.
 *
 * @typedef {object} LevelHeader
 * @property {number} downsample 1, 4, 8, 16, 32
 * @property {number} width pixels of a field in this layer
 * @property {number} height
 * @property {number} chunkWidth
 * @property {number} chunkHeight
 * @property {number} fieldsPerChunk
 */

/**
 * The fields of view in acquisition order, as columns. Positions are pixels of level 1, y down.
 *
 * @typedef {object} FieldsHeader
 * @property {number} width
 * @property {number} height
 * @property {number[]} x
 * @property {number[]} y
 * @property {number[]} z
 * @property {number[]} t
 * @property {number[] | null} registeredX
 * @property {number[] | null} registeredY
 */

/**
 * @typedef {object} SlideHeader
 * @property {string} uid
 * @property {string} version changes when the stored bytes change
 * @property {"mosaic" | "vendor"} kind
 * @property {"brightfield" | "fluorescence"} modality
 * @property {"uint8" | "uint16"} dtype
 * @property {"blosc" | "jpeg"} encoding of the stored chunks; a JPEG holds all three channels
 * @property {number} width pixels of level 1
 * @property {number} height
 * @property {number} pixelSizeUm
 * @property {number} magnification of the objective; 0 when unknown
 * @property {number} layers
 * @property {ChannelHeader[]} channels
 * @property {LevelHeader[]} levels
 * @property {FieldsHeader | null} fields null for vendor slides
 * @property {{size: number, downsamples: number[]}} tiles
 */

/**
 * How one channel is painted.
 *
 * @typedef {object} ChannelState
 * @property {string} name
 * @property {boolean} shown
 * @property {string} colour
 * @property {number} low
 * @property {number} high
 * @property {number} gamma
 */

/**
 * @typedef {object} PaintState
 * @property {ChannelState[]} channels
 * @property {boolean} registered paint fields where registration put them, not where the stage was
 * @property {boolean} borders
 * @property {number} z
 */

export {};
