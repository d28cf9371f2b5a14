/**
 * @file The shapes of a slide as the map knows them: found by place, shown or hidden by reader, chosen.
 */

import {
  Collection, Feature, LineString, MultiPolygon, Point, Polygon, VectorLayer, VectorSource,
} from "../npm.js";
import { toMap, toRecord } from "./geometry.js";
import { ShapesLayer } from "./painting.js";

/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./looks.js").Looks} Looks */
/** @typedef {import("ol/Feature.js").default<SimpleGeometry>} FeatureType */
/** @typedef {import("ol/geom/SimpleGeometry.js").default} SimpleGeometry */
/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */
/** @typedef {import("./geometry.js").Nested} Nested */

/** The geometry classes by their GeoJSON names. @type {Record<string, new (coordinates: any) => SimpleGeometry>} */
const SHAPES = { Polygon, MultiPolygon, LineString, Point };

export class Shapes {
  #drafts;
  #source = new VectorSource();
  #chosen = /** @type {import("ol/Collection.js").default<FeatureType>} */ (new Collection());
  #layer;
  /** Readers whose shapes are not shown. @type {Set<string>} */
  hidden = new Set();

  /**
   * @param {import("ol/Map.js").default} map
   * @param {Drafts} drafts
   * @param {Looks} looks
   * @param {string} me whose shapes lie on top
   */
  constructor(map, drafts, looks, me) {
    this.#drafts = drafts;
    this.#layer = new ShapesLayer({
      within: (extent) => this.#shown(extent, me),
      look: (draft) => looks.of(draft),
      word: (draft) => looks.word(draft),
    });
    const chosen = new VectorLayer({
      source: new VectorSource({ features: this.#chosen, useSpatialIndex: false }),
      style: (feature) => {
        const draft = drafts.get(String(feature.getId()));
        return draft ? looks.selected(draft) : [];
      },
      updateWhileAnimating: true,
      updateWhileInteracting: true,
      zIndex: 11,
    });
    map.addLayer(this.#layer);
    map.addLayer(chosen);
  }

  /** The chosen features, for OpenLayers' own tools. */
  get selection() {
    return this.#chosen;
  }

  /** @returns {string[]} */
  get chosen() {
    return this.#chosen.getArray().map((feature) => String(feature.getId()));
  }

  /** @param {string[]} ids */
  choose(ids) {
    this.#chosen.clear();
    for (const id of new Set(ids)) {
      const feature = this.feature(id);
      if (feature) {
        this.#chosen.push(feature);
      }
    }
    this.#layer.stale();
  }

  /** @param {string} id */
  feature(id) {
    return /** @type {FeatureType | null} */ (this.#source.getFeatureById(id));
  }

  /** Paints anew: other readers are shown, or words have other colours. */
  repaint() {
    this.#layer.stale();
  }

  /** @param {number[]} extent @returns {Draft[]} those shown that touch the box */
  touching(extent) {
    const features = /** @type {FeatureType[]} */ (this.#source.getFeaturesInExtent(extent));
    return features
      .filter((feature) => feature.getGeometry()?.intersectsExtent(extent))
      .flatMap((feature) => this.#drafts.get(String(feature.getId())) ?? [])
      .filter(({ author }) => !this.hidden.has(author));
  }

  /**
   * What to paint in a box, own shapes last; the chosen ones have a layer of their own.
   *
   * @param {number[]} extent
   * @param {string} me
   */
  #shown(extent, me) {
    const chosen = new Set(this.chosen);
    const all = this.#source.getFeaturesInExtent(extent).flatMap((feature) => {
      const draft = this.#drafts.get(String(feature.getId()));
      return draft && !this.hidden.has(draft.author) && !chosen.has(draft.client_id) ? [draft] : [];
    });
    return [...all.filter(({ author }) => author !== me), ...all.filter(({ author }) => author === me)];
  }

  /**
   * Puts the shapes where the drafts have them.
   *
   * @param {Draft | null} draft the one that changed, or null for all
   */
  sync(draft) {
    if (draft) {
      this.#place(draft);
    } else {
      this.#chosen.clear();
      this.#source.clear(true);
      this.#source.addFeatures(this.#drafts.all.map(featureOf));
    }
    this.#layer.stale();
  }

  /** @param {Draft} draft */
  #place(draft) {
    const feature = this.feature(draft.client_id);
    if (draft.deleted) {
      if (feature) {
        this.#chosen.remove(feature);
        this.#source.removeFeature(feature);
      }
      return;
    }
    if (!feature) {
      this.#source.addFeature(featureOf(draft));
      return;
    }
    feature.set("kind", draft.kind);
    const shape = feature.getGeometry();
    if (shape?.getType() !== draft.geometry.type) {
      feature.setGeometry(geometryOf(draft.geometry));
    } else if (JSON.stringify(recordOf(shape)) !== JSON.stringify(draft.geometry)) {
      shape.setCoordinates(toMap(draft.geometry));
    }
    feature.changed();
  }
}

/** @param {ShapeJson} shape */
function geometryOf(shape) {
  return new (SHAPES[shape.type] ?? Polygon)(toMap(shape));
}

/** @param {Draft} draft @returns {FeatureType} */
function featureOf(draft) {
  const feature = /** @type {FeatureType} */ (new Feature(geometryOf(draft.geometry)));
  feature.setId(draft.client_id);
  feature.set("kind", draft.kind);
  return feature;
}

/** @param {SimpleGeometry} shape */
export function recordOf(shape) {
  return toRecord(shape.getType(), /** @type {Nested[]} */ (shape.getCoordinates() ?? []));
}
