/**
 * @file The drawing tools on the map: draw, select, move, reshape, delete, undo.
 */

import {
  click, Collection, Draw, Feature, LineString, Modify, MultiPolygon, Point, Polygon, Select, Translate, VectorLayer,
  VectorSource,
} from "../npm.js";
import { boxRing, ellipseRing, toMap, toRecord } from "./geometry.js";
import { look } from "./looks.js";
import { createResize } from "./resize.js";
import { History } from "./undo.js";

/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./drafts.js").Draft} Draft */
/** @typedef {import("./drafts.js").Kind} Kind */
/** @typedef {import("ol/Map.js").default} OlMapType */
/** @typedef {import("ol/Feature.js").default} FeatureType */
/** @typedef {import("ol/Collection.js").default<FeatureType>} Features */
/** @typedef {import("ol/geom/Polygon.js").default} PolygonType */
/** @typedef {import("./resize.js").Shape} Shape */
/** @typedef {"rectangle" | "ellipse" | "freehand"} Drawn */
/** @typedef {"pan" | Drawn} Tool */
/** @typedef {import("ol/geom/SimpleGeometry.js").default} SimpleGeometry */
/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */
/** @typedef {import("./geometry.js").Nested} Nested */

/** The geometry classes by their GeoJSON names. @type {Record<string, new (coordinates: any) => SimpleGeometry>} */
const SHAPES = { Polygon, MultiPolygon, LineString, Point };

export class DrawingTools {
  #map;
  #drafts;
  #source = new VectorSource();
  #selection = /** @type {Features} */ (new Collection());
  #select;
  #edits;
  /** @type {import("ol/interaction/Draw.js").default | null} */
  #draw = null;
  #history = new History();
  /** Geometry before a drag. @type {Map<string, ShapeJson>} */
  #before = new Map();
  /** What was removed, by the id it was first known by. @type {Map<string, Partial<Draft>>} */
  #gone = new Map();
  /** The id of what came back in its place. @type {Map<string, string>} */
  #heirs = new Map();
  #events;
  /** @type {Tool} */
  tool = "pan";

  /**
   * @param {OlMapType} map
   * @param {Drafts} drafts
   * @param {{onSelect: (id: string | null) => void, onTool: (tool: Tool) => void}} events
   */
  constructor(map, drafts, events) {
    this.#map = map;
    this.#drafts = drafts;
    this.#events = events;
    const layer = new VectorLayer({
      source: this.#source,
      style: (feature) => look(drafts, String(feature.getId()), false),
      zIndex: 10,
    });
    map.addLayer(layer);
    this.#select = new Select({
      features: this.#selection,
      layers: [layer],
      condition: click, // at once: OpenLayers' default waits to see whether it becomes a double click
      style: (feature) => look(drafts, String(feature.getId()), true),
      hitTolerance: 6,
    });
    this.#select.on("select", () => events.onSelect(this.selected));
    this.#edits = this.#editing();
    map.addInteraction(this.#select);
    this.#edits.forEach((interaction) => map.addInteraction(interaction));
  }

  #editing() {
    const freehand = (/** @type {FeatureType} */ feature) => ["freehand", "polygon", "line"].includes(feature.get("kind"));
    const translate = new Translate({ features: this.#selection, hitTolerance: 4 });
    translate.on("translatestart", (event) => this.#remember(event.features.getArray()));
    translate.on("translateend", (event) => this.#moved(event.features.getArray()));
    const modify = new Modify({ features: this.#selection, pixelTolerance: 8, filter: freehand });
    modify.on("modifystart", (event) => this.#remember(event.features.getArray()));
    modify.on("modifyend", (event) => this.#moved(event.features.getArray()));
    const resize = createResize(() => /** @type {Shape | null} */ (this.#selection.item(0) ?? null), {
      onStart: (shape) => this.#remember([shape]),
      onEnd: (shape) => this.#moved([shape]),
    });
    return [translate, modify, resize];
  }

  /** @returns {string | null} client_id */
  get selected() {
    const feature = this.#selection.getLength() ? this.#selection.item(0) : null;
    return feature ? String(feature.getId()) : null;
  }

  /** @param {Tool} tool */
  use(tool) {
    if (this.#drafts.readOnly && tool !== "pan") {
      return;
    }
    if (this.#draw) {
      this.#map.removeInteraction(this.#draw);
      this.#draw = null;
    }
    this.tool = tool;
    const panning = tool === "pan";
    [this.#select, ...this.#edits].forEach((interaction) => interaction.setActive(panning && !this.#drafts.readOnly));
    if (tool !== "pan") {
      this.#selection.clear();
      this.#events.onSelect(null);
      this.#draw = this.#drawing(tool);
      this.#map.addInteraction(this.#draw);
    }
    this.#events.onTool(tool);
  }

  /** @param {Drawn} kind */
  #drawing(kind) {
    const ring = kind === "ellipse" ? ellipseRing : boxRing;
    const draw = new Draw({
      type: kind === "freehand" ? "Polygon" : "Circle",
      freehand: true,
      ...(kind !== "freehand" && {
        geometryFunction: (corners, existing) => {
          const [from = [0, 0], to = [0, 0]] = /** @type {number[][]} */ (corners);
          const shape = /** @type {PolygonType} */ (existing ?? new Polygon([]));
          shape.setCoordinates([ring(from, to)]);
          return shape;
        },
      }),
    });
    draw.on("drawend", (event) => {
      const shape = /** @type {PolygonType} */ (event.feature.getGeometry());
      if (shape.getArea() > 0) {
        this.#drawn(kind, record(shape));
      }
    });
    return draw;
  }

  /**
   * @param {Drawn} kind
   * @param {ShapeJson} geometry
   */
  #drawn(kind, geometry) {
    const { client_id: id } = this.#drafts.add({ kind, geometry });
    this.#recordExistence(id, true);
    // OpenLayers still uses the tool while it reports the shape; meanwhile a key may have chosen the next one.
    setTimeout(() => {
      if (this.tool === kind) {
        this.use("pan");
        this.choose(id);
      }
    });
  }

  /**
   * Undo and redo of a shape's coming or going. A deleted annotation stays deleted on the server, with its history:
   * what comes back is a new one, and every later step must speak of that.
   *
   * @param {string} id
   * @param {boolean} came drawn just now, otherwise deleted
   */
  #recordExistence(id, came) {
    const remove = () => {
      this.#gone.set(id, { ...this.#drafts.get(this.#now(id)) });
      this.#drafts.edit(this.#now(id), { deleted: true });
    };
    const revive = () => {
      const { kind = "freehand", geometry, label = "", comment = "" } = this.#gone.get(id) ?? {};
      if (geometry) {
        this.#heirs.set(id, this.#drafts.add({ kind, geometry, label, comment }).client_id);
      }
    };
    if (!came) {
      remove();
    }
    this.#history.push(came ? { undo: remove, redo: revive } : { undo: revive, redo: remove });
  }

  /**
   * Under which id a shape lives by now.
   *
   * @param {string} id that it had when the deed was done
   */
  #now(id) {
    return this.#heirs.get(id) ?? id;
  }

  /** @param {FeatureType[]} features */
  #remember(features) {
    for (const feature of features) {
      const draft = this.#drafts.get(String(feature.getId()));
      if (draft) {
        this.#before.set(draft.client_id, draft.geometry);
      }
    }
  }

  /** @param {FeatureType[]} features */
  #moved(features) {
    for (const feature of features) {
      const id = String(feature.getId());
      const after = record(/** @type {SimpleGeometry} */ (feature.getGeometry()));
      const before = this.#before.get(id);
      if (before && JSON.stringify(before) !== JSON.stringify(after)) {
        this.#drafts.edit(id, { geometry: after });
        this.#history.push({
          undo: () => this.#drafts.edit(this.#now(id), { geometry: before }),
          redo: () => this.#drafts.edit(this.#now(id), { geometry: after }),
        });
      }
    }
  }

  /** @param {string | null} id */
  choose(id) {
    this.#selection.clear();
    const feature = id ? this.#source.getFeatureById(id) : null;
    if (feature instanceof Feature) {
      this.#selection.push(feature);
    }
    this.#events.onSelect(this.selected);
  }

  /** @param {string} id */
  show(id) {
    const feature = this.#source.getFeatureById(id);
    const geometry = feature instanceof Feature ? feature.getGeometry() : null;
    if (geometry) {
      this.#map.getView().fit(geometry.getExtent(), { padding: [80, 80, 80, 80], minResolution: 1, duration: 200 });
      this.choose(id);
    }
  }

  deleteSelected() {
    const draft = this.selected ? this.#drafts.get(this.selected) : null;
    if (!draft || this.#drafts.readOnly) {
      return;
    }
    this.#selection.clear();
    this.#recordExistence(draft.client_id, false);
    this.#events.onSelect(null);
  }

  undo() {
    return this.#history.undo();
  }

  redo() {
    return this.#history.redo();
  }

  /**
   * Puts the shapes on the map as the drafts have them.
   *
   * @param {Draft | null} draft the one that changed, or null for all
   */
  sync(draft) {
    const wanted = draft ? [draft] : this.#drafts.all;
    for (const one of wanted) {
      this.#place(one);
    }
    if (!draft) {
      const known = new Set(wanted.map(({ client_id: id }) => id));
      const gone = this.#source.getFeatures().filter((feature) => !known.has(String(feature.getId())));
      gone.forEach((feature) => this.#drop(feature));
    }
  }

  /** @param {Draft} draft */
  #place(draft) {
    const existing = this.#source.getFeatureById(draft.client_id);
    const feature = existing instanceof Feature ? existing : null;
    if (draft.deleted) {
      if (feature) {
        this.#drop(feature);
      }
      return;
    }
    const coordinates = toMap(draft.geometry);
    if (feature) {
      const shape = /** @type {SimpleGeometry} */ (feature.getGeometry());
      if (JSON.stringify(record(shape)) !== JSON.stringify(draft.geometry)) {
        shape.setCoordinates(coordinates);
      }
      feature.changed();
      return;
    }
    const Shape = SHAPES[draft.geometry.type] ?? Polygon;
    const added = new Feature(new Shape(coordinates));
    added.setId(draft.client_id);
    added.set("kind", draft.kind);
    this.#source.addFeature(added);
  }

  /** @param {FeatureType} feature */
  #drop(feature) {
    this.#selection.remove(feature);
    this.#source.removeFeature(feature);
  }
}

/** @param {SimpleGeometry} shape */
function record(shape) {
  return toRecord(shape.getType(), /** @type {Nested[]} */ (shape.getCoordinates() ?? []));
}
