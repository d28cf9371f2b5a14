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
 * The scanner's colours: a tone curve for each of red, green and blue, then a matrix to linear sRGB.
 *
 * @typedef {object} ColourProfile
 * @property {string} name
 * @property {number[] | null} matrix 3 × 3 by rows; null for a kind of profile that this viewer cannot paint by
 * @property {number[][] | null} curves linear light 0..1 at equal steps of the stored value
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
 * @property {number} layers of focus
 * @property {number} times
 * @property {ColourProfile | null} profile null where the slide has none
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
 * @property {boolean} shown its place in the status matrix
 * @property {string} colour "#rrggbb", its column of the mixer matrix
 * @property {number} opacity 0..1, which the column is multiplied by
 * @property {number} low
 * @property {number} high
 * @property {number} gamma
 * @property {number} dx level-1 px by which the channel is moved to the right
 * @property {number} dy and down
 */

/**
 * What is done to all channels after their windows: the slider of a picture, not of a measurement.
 *
 * @typedef {object} Picture
 * @property {number} brightness -1..1, added
 * @property {number} contrast 0.2..5, about mid-grey
 * @property {number} gamma
 */

/**
 * @typedef {object} PaintState
 * @property {ChannelState[]} channels
 * @property {Picture} picture
 * @property {boolean} profile paint by the scanner's colour profile, where the slide has one
 * @property {boolean} registered paint fields where registration put them, not where the stage was
 * @property {boolean} borders
 * @property {boolean} mirrored left and right exchanged on the screen
 * @property {number} z
 * @property {number} t
 */

/**
 * A running viewer; `viewerOf` of handle.js gives it.
 *
 * @typedef {object} Viewer
 * @property {HTMLElement} root
 * @property {SlideHeader} header
 * @property {PaintState} state what is painted; call `refresh` after changing it
 * @property {PaintState} first how the slide opened
 * @property {import("ol/Map.js").default} map where layers may be added
 * @property {import("ol/View.js").default} view
 * @property {number[]} extent of the slide in map coordinates
 * @property {() => void} whole shows the whole slide
 * @property {() => void} refresh paints, and shows the state in the panels and the link
 * @property {(bindings: import("./keys.js").KeyBinding[]) => void} addKeys
 * @property {() => import("./link.js").Place} place
 * @property {(place: import("./link.js").Place) => void} go
 */

export {};
