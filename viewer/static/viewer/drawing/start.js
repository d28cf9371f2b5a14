/**
 * @file Sets up drawing on the viewer's page: who draws, with which words, and what waits on this machine.
 */

// @ts-ignore: resolved by the server's static files, not by the compiler; Clip has the package's types
import * as clipper2 from "../../npm/clipper2-ts/dist/index.js";
import { part } from "../panel/part.js";
import { Clip } from "./clip.js";
import { Deeds } from "./deeds.js";
import { Drafts } from "./drafts.js";
import { drawingKeys } from "./keys.js";
import { Layers } from "./layers.js";
import { AnnotationList } from "./list.js";
import { Looks } from "./looks.js";
import { measured } from "./measure.js";
import { Outbox } from "./outbox.js";
import { AnnotationPanel } from "./panel.js";
import { Shapes } from "./shapes.js";
import { DrawingTools } from "./tools.js";
import { showWords } from "./words.js";

/** @typedef {import("./tools.js").Tool} Tool */
/** @typedef {import("./words.js").Word} Word */
/** @typedef {{user: number, author: string, study: string, terms: Word[]}} Desk */
/** @typedef {import("ol/Map.js").default} OlMapType */

/** @param {string} url @returns {Promise<Desk>} */
async function deskOf(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!response.ok) {
    throw new Error(`The annotations could not be read (${response.status}). Reload the page before drawing.`);
  }
  return response.json();
}

/**
 * @param {HTMLElement} root of the viewer
 * @param {OlMapType} map
 * @param {number} pixelSizeUm
 * @returns {Promise<import("../keys.js").KeyBinding[]>} the keys of drawing
 */
export async function startDrawing(root, map, pixelSizeUm) {
  const { annotations: url, slide = "", csrf = "" } = root.dataset;
  const section = part(root, "[data-annotations-panel]", HTMLElement);
  if (!url) {
    section.hidden = true;
    return [];
  }
  const desk = await deskOf(`${url}desk/?slide=${slide}`);
  const outbox = await Outbox.open(desk.user, slide);
  const drafts = new Drafts({ url, slide, csrf, author: desk.author, outbox, onChange: (draft) => sync(draft) });
  drafts.readOnly = "readOnly" in root.dataset;
  const looks = new Looks(desk.author, pixelSizeUm);
  looks.use(desk.terms);
  const shapes = new Shapes(map, drafts, looks, desk.author);
  const deeds = new Deeds(drafts);
  const tools = new DrawingTools(map, { drafts, shapes, deeds, clip: new Clip(clipper2) }, {
    onSelect: () => panel.showSelected(), onTool: bindButtons(root, (tool) => tools.use(tool)), onGrow: growing(root, pixelSizeUm),
  });
  const list = new AnnotationList(part(section, "[data-annotation-list]", HTMLElement), {
    pixelSizeUm, show: (id) => tools.show(id), colour: (draft) => looks.of(draft).colour,
  });
  const panel = new AnnotationPanel(section, { drafts, deeds, tools, list, pixelSizeUm });
  const layers = new Layers(part(section, "[data-annotation-layers]", HTMLElement), shapes, desk.author, () => panel.refresh());
  /** @param {import("./draft.js").Draft | null} draft */
  function sync(draft) {
    shapes.sync(draft);
    panel.refresh();
    layers.refresh(drafts);
    tell(root, drafts);
  }
  guardLeaving(root, drafts, panel);
  await drafts.load();
  const words = showWords(
    part(section, "[data-annotation-words]", HTMLElement), part(section, "[data-annotation-suggestions]", HTMLDataListElement),
    desk.terms, tools, drafts.readOnly,
  );
  for (const button of root.querySelectorAll("[data-tool]")) {
    button.toggleAttribute("disabled", drafts.readOnly && button.getAttribute("data-tool") !== "pan");
  }
  tools.use("pan");
  const taken = new Set(words.map(({ key }) => key));
  return [...drawingKeys(tools, deeds).filter(({ key }) => !taken.has(key)), ...words];
}

/**
 * @param {HTMLElement} root
 * @param {(tool: Tool) => void} use
 * @returns {(tool: Tool) => void} shows which tool is in the hand
 */
function bindButtons(root, use) {
  const buttons = [...root.querySelectorAll("[data-tool]")].filter((button) => button instanceof HTMLButtonElement);
  for (const button of buttons) {
    button.addEventListener("click", () => use(/** @type {Tool} */ (button.dataset.tool)));
  }
  return (tool) => {
    root.dataset.tool = tool;
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === tool)));
  };
}

/**
 * @param {HTMLElement} root
 * @param {number} pixelSizeUm
 * @returns {(shape: import("./geometry.js").ShapeJson | null) => void} says how large a shape is while it grows
 */
function growing(root, pixelSizeUm) {
  const said = part(root, "[data-measure]", HTMLElement);
  return (shape) => {
    said.textContent = shape ? measured(shape, pixelSizeUm) : "";
  };
}

/** Tells the page, and through it the form that signs off. @param {HTMLElement} root @param {Drafts} drafts */
function tell(root, drafts) {
  const { unsaved, stuck } = drafts;
  root.dataset.unsaved = String(unsaved);
  root.dispatchEvent(new CustomEvent("annotations:state", { bubbles: true, detail: { unsaved, stuck } }));
}

/**
 * @param {HTMLElement} root
 * @param {Drafts} drafts
 * @param {AnnotationPanel} panel
 */
function guardLeaving(root, drafts, panel) {
  root.addEventListener("annotations:flush", () => {
    panel.flush();
    drafts.retry();
    tell(root, drafts);
  });
  root.addEventListener("annotations:arrived", (event) => {
    if (event instanceof CustomEvent) {
      event.detail.waitUntil(drafts.catchUp());
    }
  });
  addEventListener("online", () => drafts.retry());
  addEventListener("beforeunload", (event) => {
    panel.flush();
    if (drafts.unsaved) {
      event.preventDefault();
    }
  });
}
