/**
 * @file The OpenLayers map of one slide: projection, picture layer, minimap, mirror.
 *
 * Map coordinates are level-1 pixels with y upwards, as OpenLayers wants them: y of the map = -y of the slide.
 */

import { addresses, asMosaic, codingOf } from "./engine/addresses.js";
import { Camera } from "./engine/camera.js";
import { Decoder } from "./engine/decoder.js";
import { MosaicLayout } from "./engine/layout.js";
import { Mosaic } from "./engine/mosaic.js";
import { served } from "./engine/source.js";
import { resolutionRange } from "./engine/zoom.js";
import {
  defaultInteractions, Flatbush, ImageLayer, ImageStatic, Layer, OlMap, OverviewMap, Projection, TileGrid, TileImage,
  TileLayer, View,
} from "./npm.js";

/** @typedef {import("./types.js").SlideHeader} SlideHeader */
/** @typedef {import("./types.js").PaintState} PaintState */
/** @typedef {import("./engine/mosaic.js").FrameReport} FrameReport */
/** @typedef {import("ol/Map.js").FrameState} FrameState */

/**
 * @typedef {object} SlideUrls
 * @property {string} chunks
 * @property {string} tiles address of the tiles, without level, column and row; empty where no server composes any
 * @property {string} thumbnail
 */

/**
 * @typedef {object} MapOptions
 * @property {SlideUrls} urls
 * @property {import("./engine/source.js").ChunkSource} [source] of the chunks, where it is not the server's `urls.chunks`
 * @property {PaintState} state read at every frame
 * @property {number} budget bytes that the picture may keep in memory
 * @property {(report: FrameReport) => void} onFrame
 * @property {(problem: string | null) => void} onProblem
 */

/** For every slide of the page; its workers start while the slide's header is still on its way. */
const decoder = new Decoder();

/** Pixels, as viewer.css has them. @type {[number, number]} */
const MINIMAP_SIZE = [144, 112];
const LONGEST_WAIT_MS = 400;

class MosaicLayer extends Layer {
  #canvas = document.createElement("canvas");
  #mosaic;
  #state;
  #onFrame;
  /** What the last frame took until the browser could do something else; the first is taken for a slow one. */
  #frameMs = 250;
  #soon = 0;

  /**
   * @param {SlideHeader} given
   * @param {MapOptions} options
   */
  constructor(given, { urls, source, state, budget, onFrame, onProblem }) {
    super({});
    this.#state = state;
    this.#onFrame = onFrame;
    this.#canvas.className = "viewer-mosaic ol-layer";
    const header = asMosaic(given);
    if (!header.fields) {
      throw new Error("This slide has no fields of view.");
    }
    this.#mosaic = new Mosaic(this.#canvas, {
      header,
      layout: new MosaicLayout(header.fields, Flatbush),
      source: source ?? served(addresses(header, urls)),
      decode: (buffer, wish) => decoder.decode(buffer, codingOf(header, wish)),
      onChange: (all) => this.#arrived(all),
      onProblem,
      budget,
    });
  }

  /**
   * Pixels have come. Where a frame takes long (no graphics card) they wait for others: painting each batch for itself
   * would keep the next one from being fetched.
   *
   * @param {boolean} all that were asked for are here now
   */
  #arrived(all) {
    if (all || !this.#soon) {
      clearTimeout(this.#soon);
      this.#soon = setTimeout(() => {
        this.#soon = 0;
        this.changed();
      }, all ? 0 : Math.min(LONGEST_WAIT_MS, this.#frameMs));
    }
  }

  /**
   * @override
   * @param {FrameState | null} frame
   * @returns {HTMLElement}
   */
  render(frame) {
    if (!frame) {
      return this.#canvas;
    }
    const { center, resolution, rotation } = frame.viewState;
    const size = /** @type {[number, number]} */ (frame.size.map((side) => Math.round(side * frame.pixelRatio)));
    if (this.#canvas.width !== size[0] || this.#canvas.height !== size[1]) {
      [this.#canvas.width, this.#canvas.height] = size;
    }
    const camera = new Camera({
      centre: [center[0] ?? 0, -(center[1] ?? 0)],
      resolution: resolution / frame.pixelRatio,
      rotation,
      size,
    });
    const begun = performance.now();
    const report = this.#mosaic.frame(camera, this.#state, frame.viewHints.some(Boolean));
    setTimeout(() => (this.#frameMs = performance.now() - begun));
    if (report.deferred) {
      requestAnimationFrame(() => this.changed());
    }
    this.#onFrame(report);
    return this.#canvas;
  }
}

/**
 * @param {SlideHeader} header
 * @param {SlideUrls} urls
 * @param {import("ol/proj/Projection.js").default} projection
 */
function tileLayer(header, urls, projection) {
  const downsamples = [...header.tiles.downsamples].reverse();
  const tileGrid = new TileGrid({
    extent: [0, -header.height, header.width, 0],
    origin: [0, 0],
    resolutions: downsamples,
    tileSize: header.tiles.size,
  });
  const source = new TileImage({
    projection,
    tileGrid,
    tileUrlFunction: ([z = 0, column, row]) =>
      `${urls.tiles}${downsamples.length - 1 - z}/${column}/${row}.jpg?v=${header.version}`,
    transition: 0,
  });
  return new TileLayer({ source, extent: [0, -header.height, header.width, 0] }); // the last tiles reach beyond the slide
}

/**
 * The picture on WebGL 2, or tiles composed by the server for browsers that cannot paint.
 *
 * @param {SlideHeader} header
 * @param {import("ol/proj/Projection.js").default} projection
 * @param {MapOptions} options
 */
function pictureLayer(header, projection, options) {
  try {
    return new MosaicLayer(header, options);
  } catch (error) {
    if (!options.urls.tiles) {
      throw error;
    }
    const why = error instanceof Error ? error.message : String(error);
    options.onProblem(`${why} Shown instead: tiles composed by the server; the picture's controls have no effect.`);
    return tileLayer(header, options.urls, projection);
  }
}

/**
 * Exchanges left and right on the screen. The picture and what is drawn on it are turned over as a whole, and what
 * the pointer touches is turned back, so nothing else need know.
 *
 * @param {import("ol/Map.js").default} map
 * @param {PaintState} state
 */
function mirror(map, state) {
  const plain = map.getEventPixel.bind(map);
  map.getEventPixel = (event) => {
    const [x = 0, y = 0] = plain(event);
    return [state.mirrored ? (map.getSize()?.[0] ?? 0) - x : x, y];
  };
}

/**
 * The minimap's view: it shows the whole slide, always.
 *
 * @param {SlideHeader} header
 * @param {import("ol/proj/Projection.js").default} projection
 * @param {number[]} extent
 */
function wholeSlide(header, projection, extent) {
  const resolution = Math.max(header.width / MINIMAP_SIZE[0], header.height / MINIMAP_SIZE[1]);
  return new View({
    projection,
    center: [header.width / 2, -header.height / 2],
    resolution,
    minResolution: resolution,
    maxResolution: resolution,
    extent,
    showFullExtent: true,
    smoothExtentConstraint: false,
  });
}

/**
 * @param {HTMLElement} target
 * @param {SlideHeader} header
 * @param {MapOptions} options
 */
export function createMap(target, header, options) {
  const extent = [0, -header.height, header.width, 0];
  const projection = new Projection({ code: "slide", units: "pixels", extent });
  const range = resolutionRange(header.width, header.height);
  const picture = pictureLayer(header, projection, options);
  const view = new View({
    projection,
    center: [header.width / 2, -header.height / 2],
    resolution: range.max / 2,
    minResolution: range.min,
    maxResolution: range.max,
    extent,
    constrainOnlyCenter: true,
    showFullExtent: true,
    constrainRotation: false,
  });
  const overview = new ImageStatic({ url: options.urls.thumbnail, projection, imageExtent: extent });
  const minimap = new OverviewMap({
    collapsible: false,
    collapsed: false,
    rotateWithView: false,
    layers: [new ImageLayer({ source: overview })],
    view: wholeSlide(header, projection, extent),
  });
  const map = new OlMap({
    target,
    layers: [picture],
    controls: [minimap],
    interactions: defaultInteractions({ altShiftDragRotate: true, pinchRotate: true }),
    view,
  });
  mirror(map, options.state);
  const whole = () => view.fit(extent, { size: [target.clientWidth, target.clientHeight], padding: [16, 16, 16, 16] });
  whole();
  const repaint = () => {
    target.classList.toggle("is-mirrored", options.state.mirrored);
    picture.changed();
  };
  return { map, view, extent, whole, repaint };
}
