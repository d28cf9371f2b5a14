/**
 * @file The OpenLayers map of one slide: projection, picture layer, minimap, scale bar, link to the view.
 *
 * Map coordinates are level-1 pixels with y upwards, as OpenLayers wants them: y of the map = -y of the slide.
 */

import { Camera } from "./engine/camera.js";
import { Decoder } from "./engine/decoder.js";
import { MosaicLayout } from "./engine/layout.js";
import { Mosaic } from "./engine/mosaic.js";
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
 * @property {string} tiles address of the tiles, without level, column and row
 * @property {string} thumbnail
 */

/**
 * @typedef {object} MapEvents
 * @property {(report: FrameReport) => void} onFrame
 * @property {(problem: string | null) => void} onProblem
 */

/** Pixels, as viewer.css has them. @type {[number, number]} */
const MINIMAP_SIZE = [144, 112];

class MosaicLayer extends Layer {
  #canvas = document.createElement("canvas");
  #mosaic;
  #state;
  #onFrame;

  /**
   * @param {SlideHeader} header
   * @param {SlideUrls} urls
   * @param {PaintState} state read at every frame
   * @param {MapEvents} events
   */
  constructor(header, urls, state, events) {
    super({});
    this.#state = state;
    this.#onFrame = events.onFrame;
    this.#canvas.className = "viewer-mosaic ol-layer";
    const decoder = new Decoder();
    if (!header.fields) {
      throw new Error("This slide has no fields of view.");
    }
    this.#mosaic = new Mosaic(this.#canvas, {
      header,
      layout: new MosaicLayout(header.fields, Flatbush),
      chunksUrl: urls.chunks,
      decode: (buffer, channels) => {
        const offsets = channels.map((channel) => header.channels[channel]?.offset ?? 0);
        return decoder.decode(buffer, { encoding: header.encoding, offsets });
      },
      onChange: () => this.changed(),
      onProblem: events.onProblem,
    });
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
    const report = this.#mosaic.frame(camera, this.#state);
    if (!report.complete && !report.waiting) {
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
 * The picture: the raw mosaic on WebGL 2, or composed tiles for vendor files and browsers that cannot paint.
 *
 * @param {SlideHeader} header
 * @param {SlideUrls} urls
 * @param {PaintState} state
 * @param {import("ol/proj/Projection.js").default} projection
 * @param {MapEvents} events
 */
function pictureLayer(header, urls, state, projection, events) {
  if (header.kind === "mosaic") {
    try {
      return new MosaicLayer(header, urls, state, events);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      events.onProblem(`${why} Shown instead: tiles composed by the server; channel windows have no effect.`);
    }
  }
  return tileLayer(header, urls, projection);
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
 * @param {SlideUrls} urls
 * @param {PaintState} state
 * @param {MapEvents} events
 */
export function createMap(target, header, urls, state, events) {
  const extent = [0, -header.height, header.width, 0];
  const projection = new Projection({ code: "slide", units: "pixels", extent });
  const range = resolutionRange(header.width, header.height, [target.clientWidth, target.clientHeight]);
  const picture = pictureLayer(header, urls, state, projection, events);
  const view = new View({
    projection,
    center: [header.width / 2, -header.height / 2],
    resolution: range.max / 2,
    minResolution: range.min,
    maxResolution: range.max,
    extent,
    constrainOnlyCenter: true,
    showFullExtent: true,
  });
  const minimap = new OverviewMap({
    collapsible: false,
    collapsed: false,
    layers: [
      new ImageLayer({ source: new ImageStatic({ url: urls.thumbnail, projection, imageExtent: extent }) }),
    ],
    view: wholeSlide(header, projection, extent),
  });
  const map = new OlMap({
    target,
    layers: [picture],
    controls: [minimap],
    interactions: defaultInteractions({ altShiftDragRotate: true, pinchRotate: true }),
    view,
  });
  view.fit(extent, { size: [target.clientWidth, target.clientHeight], padding: [16, 16, 16, 16] });
  return { map, view, extent, repaint: () => picture.changed() };
}
