/**
 * @file The one door to third-party code in the viewer.
 *
 * Bare module names would need an import map, which is an inline script and forbidden by our content security policy.
 * OpenLayers (one file, built by its authors) and Flatbush are therefore loaded by the page as classic deferred scripts
 * from `/static/npm/<package>/…`, before this module runs, and are re-exported here with the types of their packages.
 * The decode worker imports numcodecs' Blosc module by a path relative to itself, which no policy forbids.
 */

/** @typedef {Record<string, any>} OpenLayersNamespace */

const loaded = /** @type {{ol?: OpenLayersNamespace, Flatbush?: typeof import("flatbush").default}} */ (
  /** @type {unknown} */ (globalThis)
);

if (!loaded.ol || !loaded.Flatbush) {
  throw new Error("The viewer's libraries did not load. Reload the page; if it stays so, run ./nocturne check.");
}

const ol = loaded.ol;

export const Flatbush = loaded.Flatbush;
export const Collection = /** @type {typeof import("ol/Collection.js").default} */ (ol.Collection);
export const Feature = /** @type {typeof import("ol/Feature.js").default} */ (ol.Feature);
export const OlMap = /** @type {typeof import("ol/Map.js").default} */ (ol.Map);
export const View = /** @type {typeof import("ol/View.js").default} */ (ol.View);
export const Polygon = /** @type {typeof import("ol/geom/Polygon.js").default} */ (ol.geom.Polygon);
export const MultiPolygon = /** @type {typeof import("ol/geom/MultiPolygon.js").default} */ (ol.geom.MultiPolygon);
export const LineString = /** @type {typeof import("ol/geom/LineString.js").default} */ (ol.geom.LineString);
export const Point = /** @type {typeof import("ol/geom/Point.js").default} */ (ol.geom.Point);
export const Circle = /** @type {typeof import("ol/style/Circle.js").default} */ (ol.style.Circle);
export const Layer = /** @type {typeof import("ol/layer/Layer.js").default} */ (ol.layer.Layer);
export const ImageLayer = /** @type {typeof import("ol/layer/Image.js").default} */ (ol.layer.Image);
export const TileLayer = /** @type {typeof import("ol/layer/Tile.js").default} */ (ol.layer.Tile);
export const VectorLayer = /** @type {typeof import("ol/layer/Vector.js").default} */ (ol.layer.Vector);
export const ImageStatic = /** @type {typeof import("ol/source/ImageStatic.js").default} */ (ol.source.ImageStatic);
export const TileImage = /** @type {typeof import("ol/source/TileImage.js").default} */ (ol.source.TileImage);
export const VectorSource = /** @type {typeof import("ol/source/Vector.js").default} */ (ol.source.Vector);
export const TileGrid = /** @type {typeof import("ol/tilegrid/TileGrid.js").default} */ (ol.tilegrid.TileGrid);
export const Projection = /** @type {typeof import("ol/proj/Projection.js").default} */ (ol.proj.Projection);
export const OverviewMap = /** @type {typeof import("ol/control/OverviewMap.js").default} */ (ol.control.OverviewMap);
export const ScaleLine = /** @type {typeof import("ol/control/ScaleLine.js").default} */ (ol.control.ScaleLine);
export const Draw = /** @type {typeof import("ol/interaction/Draw.js").default} */ (ol.interaction.Draw);
export const Modify = /** @type {typeof import("ol/interaction/Modify.js").default} */ (ol.interaction.Modify);
export const DragBox = /** @type {typeof import("ol/interaction/DragBox.js").default} */ (ol.interaction.DragBox);
export const Translate = /** @type {typeof import("ol/interaction/Translate.js").default} */ (ol.interaction.Translate);
export const Pointer = /** @type {typeof import("ol/interaction/Pointer.js").default} */ (ol.interaction.Pointer);
export const defaultInteractions = /** @type {typeof import("ol/interaction/defaults.js").defaults} */ (
  ol.interaction.defaults.defaults ?? ol.interaction.defaults
);
export const platformModifierKeyOnly = /** @type {typeof import("ol/events/condition.js").platformModifierKeyOnly} */ (
  ol.events.condition.platformModifierKeyOnly
);
export const Fill = /** @type {typeof import("ol/style/Fill.js").default} */ (ol.style.Fill);
export const Stroke = /** @type {typeof import("ol/style/Stroke.js").default} */ (ol.style.Stroke);
export const Style = /** @type {typeof import("ol/style/Style.js").default} */ (ol.style.Style);
export const Text = /** @type {typeof import("ol/style/Text.js").default} */ (ol.style.Text);
