/**
 * @file The drawing tools on the map: which one is in the hand, and what each does to the annotations.
 */

import { Modify, Translate } from "../npm.js";
import { Brush } from "./brush.js";
import { boxOf, shifted } from "./geometry.js";
import { createPicking, neighbour } from "./picking.js";
import { createResize } from "./resize.js";
import { recordOf } from "./shapes.js";
import { createSketch } from "./sketch.js";

/** @typedef {import("./clip.js").Clip} Clip */
/** @typedef {import("./deeds.js").Deeds} Deeds */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./draft.js").Content} Content */
/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */
/** @typedef {import("./shapes.js").Shapes} Shapes */
/** @typedef {import("./sketch.js").Drawn} Drawn */
/** @typedef {import("ol/Map.js").default} OlMapType */
/** @typedef {import("ol/Feature.js").default} FeatureType */
/** @typedef {import("ol/geom/SimpleGeometry.js").default} SimpleGeometry */
/** @typedef {"pan" | "brush" | "rubber" | Drawn} Tool */

/**
 * @typedef {object} ToolEvents
 * @property {(ids: string[]) => void} onSelect
 * @property {(tool: Tool) => void} onTool
 * @property {(shape: ShapeJson | null) => void} onGrow a shape while it is drawn
 */

const PASTE_PX = 24;
const AREAS = new Set(["Polygon", "MultiPolygon"]);
const RESHAPED = new Set(["freehand", "polygon", "line", "ruler", "point"]);

export class DrawingTools {
  #map;
  #drafts;
  #shapes;
  #deeds;
  #clip;
  #events;
  #brush;
  #edits;
  /** What draws now, of OpenLayers' tools. @type {import("ol/interaction/Pointer.js").default | null} */
  #drawing = null;
  /** @type {(Pick<Content, "kind" | "geometry" | "label" | "comment">)[]} */
  #copied = [];
  /** @type {Tool} */
  tool = "pan";
  /** The word that the next shape gets. */
  word = "";

  /**
   * @param {OlMapType} map
   * @param {{drafts: Drafts, shapes: Shapes, deeds: Deeds, clip: Clip}} parts
   * @param {ToolEvents} events
   */
  constructor(map, { drafts, shapes, deeds, clip }, events) {
    this.#map = map;
    this.#drafts = drafts;
    this.#shapes = shapes;
    this.#deeds = deeds;
    this.#clip = clip;
    this.#events = events;
    this.#brush = new Brush(map, (path, radius) => this.#brushed(path, radius));
    const box = createPicking(map, shapes, { active: () => this.tool === "pan", onChoose: (ids) => this.choose(ids) });
    this.#edits = this.#editing();
    [...this.#edits, box].forEach((interaction) => map.addInteraction(interaction));
  }

  #editing() {
    const features = this.#shapes.selection;
    const mine = (/** @type {{getId: () => unknown}} */ feature) => this.#editable(String(feature.getId())) !== null;
    const kindOf = (/** @type {{get: (key: string) => unknown}} */ feature) => String(feature.get("kind"));
    const translate = new Translate({ features, hitTolerance: 4, filter: mine });
    translate.on("translateend", (event) => this.#moved(event.features.getArray()));
    const modify = new Modify({
      features, pixelTolerance: 8, filter: (feature) => mine(feature) && RESHAPED.has(kindOf(feature)),
    });
    modify.on("modifyend", (event) => this.#moved(event.features.getArray()));
    const resize = createResize(() => this.#boxed(), { onEnd: (shape) => this.#moved([shape]) });
    return [translate, modify, resize];
  }

  /** @returns {import("./resize.js").Shape | null} the chosen rectangle or ellipse, when one alone is chosen */
  #boxed() {
    const id = this.selected;
    return id && this.#editable(id) ? /** @type {any} */ (this.#shapes.feature(id)) : null;
  }

  /** @param {string} id @returns {Draft | null} */
  #editable(id) {
    const draft = this.#drafts.get(id);
    return draft && this.#drafts.mayEdit(draft) ? draft : null;
  }

  /** @returns {Draft[]} the chosen ones that this person may change */
  get #own() {
    return this.#shapes.chosen.flatMap((id) => this.#editable(id) ?? []);
  }

  /** @returns {string | null} the chosen one, when there is one alone */
  get selected() {
    const [id = null, ...others] = this.#shapes.chosen;
    return others.length ? null : id;
  }

  get chosen() {
    return this.#shapes.chosen;
  }

  /** @param {Tool} tool */
  use(tool) {
    if (this.#drafts.readOnly && tool !== "pan") {
      return;
    }
    if (this.#drawing) {
      this.#map.removeInteraction(this.#drawing);
      this.#drawing = null;
    }
    this.#brush.putDown();
    this.tool = tool;
    this.#edits.forEach((interaction) => interaction.setActive(tool === "pan" && !this.#drafts.readOnly));
    if (tool === "brush" || tool === "rubber") {
      this.#brush.use(tool === "brush");
      this.#drawing = this.#brush.interaction;
    } else if (tool !== "pan") {
      this.#drawing = createSketch(tool, { onGrow: this.#events.onGrow, onDrawn: (shape) => this.#drawn(tool, shape) });
      if (tool !== "cut") {
        this.choose([]);
      }
    }
    if (this.#drawing) {
      this.#map.addInteraction(this.#drawing);
    }
    this.#events.onTool(tool);
  }

  /** @param {number} factor */
  resizeBrush(factor) {
    this.#brush.resize(factor);
  }

  /**
   * @param {Drawn} kind
   * @param {ShapeJson} geometry
   */
  #drawn(kind, geometry) {
    if (kind === "cut") {
      this.#cut(geometry);
    } else {
      this.#added([{ kind, geometry, label: this.word }]);
    }
    // OpenLayers still uses the tool while it reports the shape; meanwhile a key may have chosen the next one.
    setTimeout(() => {
      if (this.tool === kind && kind !== "point") {
        this.use("pan");
      }
    });
  }

  /** @param {import("./deeds.js").NewShape[]} shapes @param {import("./deeds.js").Change[]} [changes] */
  #added(shapes, changes = []) {
    const ids = this.#deeds.do(changes, shapes);
    setTimeout(() => this.choose(ids));
  }

  /** @param {FeatureType[]} features */
  #moved(features) {
    const changes = features.flatMap((feature) => {
      const shape = /** @type {SimpleGeometry | undefined} */ (feature.getGeometry());
      return shape ? [{ id: String(feature.getId()), to: { geometry: recordOf(shape) } }] : [];
    });
    this.#deeds.do(changes);
  }

  /** @param {number[][]} path @param {number} radius slide px */
  #brushed(path, radius) {
    const stroke = this.#clip.brushed(path, radius);
    const target = this.#own.find(({ geometry }) => AREAS.has(geometry.type));
    if (!stroke || (!target && this.tool === "rubber")) {
      return;
    }
    if (!target) {
      const [id] = this.#deeds.do([], [{ kind: "freehand", geometry: stroke, label: this.word }]);
      this.choose(id ? [id] : []);
      return;
    }
    const { client_id: id, geometry } = target;
    const left = this.tool === "brush" ? this.#clip.union([geometry, stroke]) : this.#clip.difference(geometry, stroke);
    this.#deeds.do([{ id, to: left ? { kind: "freehand", geometry: left } : { deleted: true } }]);
  }

  /** @param {ShapeJson} line through the chosen shapes, or through all own ones that it crosses */
  #cut(line) {
    const [left, top, right, bottom] = boxOf(line);
    const crossed = this.#shapes.touching([left, -bottom, right, -top]).flatMap(({ client_id: id }) => this.#editable(id) ?? []);
    const cut = (this.#own.length ? this.#own : crossed).filter(({ geometry }) => AREAS.has(geometry.type));
    /** @type {import("./deeds.js").Change[]} */
    const changes = [];
    /** @type {import("./deeds.js").NewShape[]} */
    const shapes = [];
    for (const { client_id: id, geometry, label, comment } of cut) {
      const [first, ...others] = this.#clip.split(geometry, line);
      if (first && others.length) {
        changes.push({ id, to: { kind: "polygon", geometry: first } });
        shapes.push(...others.map((part) => ({ kind: /** @type {const} */ ("polygon"), geometry: part, label, comment })));
      }
    }
    this.#added(shapes, changes);
  }

  /** Makes one shape of the chosen ones: the first keeps its word and comment. */
  merge() {
    const [first, ...others] = this.#own.filter(({ geometry }) => AREAS.has(geometry.type));
    const geometry = first && others.length ? this.#clip.union([first, ...others].map((one) => one.geometry)) : null;
    if (first && geometry) {
      const gone = others.map(({ client_id: id }) => ({ id, to: { deleted: true } }));
      this.#deeds.do([{ id: first.client_id, to: { kind: "freehand", geometry } }, ...gone]);
      this.choose([first.client_id]);
    }
  }

  copy() {
    const chosen = this.#shapes.chosen.flatMap((id) => this.#drafts.get(id) ?? []);
    this.#copied = chosen.map(({ kind, geometry, label, comment }) => ({ kind, geometry, label, comment }));
  }

  paste() {
    if (this.#drafts.readOnly) {
      return;
    }
    const aside = PASTE_PX * (this.#map.getView().getResolution() ?? 1);
    this.#copied = this.#copied.map((one) => ({ ...one, geometry: shifted(one.geometry, aside, aside) }));
    this.#added(this.#copied);
  }

  deleteSelected() {
    const gone = this.#own.map(({ client_id: id }) => ({ id, to: { deleted: true } }));
    this.choose([]);
    this.#deeds.do(gone);
  }

  /** @param {string} word for the chosen shapes and for the next ones */
  label(word) {
    this.word = word;
    this.#deeds.do(this.#own.map(({ client_id: id }) => ({ id, to: { label: word } })));
    this.#events.onSelect(this.#shapes.chosen);
  }

  /** @param {string[]} ids */
  choose(ids) {
    this.#shapes.choose(ids);
    this.#events.onSelect(this.#shapes.chosen);
  }

  /** @param {1 | -1} step to the next shape or the one before */
  walk(step) {
    const ids = this.#drafts.all.filter(({ author }) => !this.#shapes.hidden.has(author)).map(({ client_id: id }) => id);
    const id = neighbour(ids, this.#shapes.chosen[0], step);
    if (id) {
      this.show(id);
    }
  }

  /** @param {string} id */
  show(id) {
    const geometry = this.#shapes.feature(id)?.getGeometry();
    if (geometry) {
      this.#map.getView().fit(geometry.getExtent(), { padding: [80, 80, 80, 80], minResolution: 1, duration: 200 });
      this.choose([id]);
    }
  }

  /** Ends the shape that is being drawn, or the tool, or the choice. */
  escape() {
    if (this.tool === "pan") {
      this.choose([]);
    }
    this.use("pan");
  }
}
