/**
 * @file Starts the viewer on the element with `data-viewer`.
 *
 * Data attributes: header, histogram, chunks, tiles, thumbnail (addresses), annotations (address of the collection, or
 * empty for none), csrf, slide (uid), read-only (present where the person may look but not draw).
 */

import { bindMagnification, bindToggles, followLink, followView } from "./controls.js";
import { Drafts } from "./drawing/drafts.js";
import { AnnotationPanel } from "./drawing/panel.js";
import { DrawingTools } from "./drawing/tools.js";
import { bindKeys } from "./keys.js";
import { createMap } from "./map.js";
import { ChannelPanel, part } from "./panel/channels.js";

/** @typedef {import("./types.js").SlideHeader} SlideHeader */
/** @typedef {import("./types.js").PaintState} PaintState */
/** @typedef {import("./panel/histogram.js").ChannelHistogram} ChannelHistogram */
/** @typedef {ReturnType<typeof createMap>} SlideMap */

/**
 * @template T
 * @param {string | undefined} url
 * @returns {Promise<T>}
 */
async function json(url) {
  const response = await fetch(url ?? "", { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
  }
  return answer;
}

/**
 * @param {SlideHeader} header
 * @param {ChannelHistogram[]} histograms
 * @returns {PaintState}
 */
function firstState(header, histograms) {
  const fluorescence = header.modality === "fluorescence";
  const channels = header.channels.map(({ name, colour, low, high }, i) => {
    const auto = fluorescence ? histograms[i] : undefined;
    return { name, colour, shown: true, low: auto?.autoLow ?? low, high: auto?.autoHigh ?? high, gamma: 1 };
  });
  return { channels, registered: Boolean(header.fields?.registeredX), borders: false, z: Math.floor((header.layers - 1) / 2) };
}

/**
 * @param {HTMLElement} root
 * @param {SlideMap} slide
 * @param {SlideHeader} header
 */
async function startDrawing(root, slide, header) {
  const { annotations: url, slide: uid = "", csrf = "" } = root.dataset;
  const section = part(root, "[data-annotations-panel]", HTMLElement);
  if (!url) {
    section.hidden = true;
    return null;
  }
  const buttons = [...root.querySelectorAll("[data-tool]")].filter((button) => button instanceof HTMLButtonElement);
  const onTool = (/** @type {string} */ tool) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === tool)));
  const drafts = new Drafts({ url, slide: uid, csrf, onChange: (draft) => sync(draft) });
  drafts.readOnly = "readOnly" in root.dataset;
  const tools = new DrawingTools(slide.map, drafts, { onSelect: (id) => panel.showSelected(id), onTool });
  const panel = new AnnotationPanel(section, drafts, tools, header.pixelSizeUm);
  /** @param {import("./drawing/drafts.js").Draft | null} draft */
  function sync(draft) {
    tools.sync(draft);
    panel.refresh();
    root.dataset.unsaved = String(drafts.unsaved);
    root.dispatchEvent(new CustomEvent("annotations:state", { bubbles: true, detail: { unsaved: drafts.unsaved } }));
  }
  for (const button of buttons) {
    button.addEventListener("click", () => tools.use(/** @type {import("./drawing/tools.js").Tool} */ (button.dataset.tool)));
  }
  addEventListener("online", () => drafts.retry());
  addEventListener("beforeunload", (event) => {
    panel.flush();
    if (drafts.unsaved) {
      event.preventDefault();
    }
  });
  await drafts.load();
  buttons.forEach((button) => (button.disabled = drafts.readOnly && button.dataset.tool !== "pan"));
  tools.use("pan");
  return tools;
}

/**
 * @param {HTMLElement} root
 * @param {SlideMap} slide
 * @param {PaintState} state
 * @param {ChannelPanel} panel
 * @param {{borders: () => void, registered: () => void}} toggles
 * @param {DrawingTools | null} tools
 */
function startKeys(root, slide, state, panel, toggles, tools) {
  const { view } = slide;
  const zoom = (/** @type {number} */ factor) =>
    view.animate({ resolution: (view.getResolution() ?? 1) * factor, duration: 120 });
  const pan = (/** @type {number} */ x, /** @type {number} */ y) => {
    const step = 120 * (view.getResolution() ?? 1);
    const [atX = 0, atY = 0] = view.getCenter() ?? [];
    view.animate({ center: [atX + x * step, atY + y * step], duration: 100 });
  };
  const help = part(root, "[data-keys]", HTMLElement);
  const dialog = part(root, "[data-help]", HTMLDialogElement);
  const tool = (/** @type {import("./drawing/tools.js").Tool} */ name) => () => tools?.use(name);
  const channelKeys = state.channels.slice(0, 9).map(({ name }, i) => {
    return { key: String(i + 1), help: `${name} on or off`, run: () => panel.toggle(i) };
  });
  bindKeys(
    [
      { key: "+", help: "zoom in", run: () => zoom(0.5) },
      { key: "-", help: "zoom out", run: () => zoom(2) },
      { key: "0", help: "whole slide", run: () => view.fit(slide.extent, { padding: [16, 16, 16, 16] }) },
      { key: "ArrowLeft", help: "pan (all four arrows)", run: () => pan(-1, 0) },
      { key: "ArrowRight", help: "", run: () => pan(1, 0) },
      { key: "ArrowUp", help: "", run: () => pan(0, 1) },
      { key: "ArrowDown", help: "", run: () => pan(0, -1) },
      ...channelKeys,
      { key: "a", help: "auto-window", run: () => panel.autoWindow() },
      { key: "b", help: "field borders", run: toggles.borders },
      { key: "g", help: "registration", run: toggles.registered },
      { key: "v", help: "pan and select", run: tool("pan") },
      { key: "r", help: "rectangle", run: tool("rectangle") },
      { key: "e", help: "ellipse", run: tool("ellipse") },
      { key: "f", help: "freehand outline", run: tool("freehand") },
      { key: "Delete", help: "delete the selected annotation", run: () => tools?.deleteSelected() },
      { key: "Ctrl+z", help: "undo", run: () => tools?.undo() },
      { key: "Ctrl+Z", help: "redo (with Shift)", run: () => tools?.redo() },
      { key: "Escape", help: "put the tool down", run: tool("pan") },
      { key: "?", help: "this list", run: () => (dialog.open ? dialog.close() : dialog.showModal()) },
    ],
    help,
  );
  part(root, "[data-help-open]", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
}

/** @param {HTMLElement} root */
async function start(root) {
  const { chunks = "", tiles = "", thumbnail = "" } = root.dataset;
  const [header, { channels: histograms }] = await Promise.all([
    /** @type {Promise<SlideHeader>} */ (json(root.dataset.header)),
    /** @type {Promise<{channels: ChannelHistogram[]}>} */ (json(root.dataset.histogram)),
  ]);
  const state = firstState(header, histograms);
  const memory = part(root, "[data-memory]", HTMLElement);
  const problem = part(root, "[data-problem]", HTMLElement);
  const slide = createMap(part(root, "[data-map]", HTMLElement), header, { chunks, tiles, thumbnail }, state, {
    onFrame: ({ level, complete, chunkBytes, textureBytes }) => {
      root.dataset.level = String(level);
      root.dataset.complete = String(complete);
      memory.textContent = `layer ${level} · ${Math.round((chunkBytes + textureBytes) / (1 << 20))} MB`;
    },
    onProblem: (text) => {
      problem.textContent = text ?? "";
      problem.hidden = !text;
    },
  });
  followLink(slide.view);
  followView(root, header, slide.view);
  bindMagnification(root, header, slide.view);
  const toggles = bindToggles(root, header, state, slide.repaint);
  const template = part(root, "[data-channel-template]", HTMLTemplateElement);
  const painted = header.kind === "mosaic";
  const list = part(root, "[data-channels]", HTMLElement);
  const panel = new ChannelPanel(list, template, painted ? state.channels : [], histograms, slide.repaint);
  const channels = part(root, "[data-mosaic-only]", HTMLDetailsElement);
  channels.hidden = !painted;
  channels.open = header.modality === "fluorescence";
  part(root, "[data-auto-all]", HTMLButtonElement).addEventListener("click", () => panel.autoWindow());
  root.dataset.ready = "true";
  const tools = await startDrawing(root, slide, header);
  startKeys(root, slide, state, panel, toggles, tools);
}

for (const root of document.querySelectorAll("[data-viewer]")) {
  if (root instanceof HTMLElement) {
    start(root).catch((error) => {
      const problem = part(root, "[data-problem]", HTMLElement);
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
    });
  }
}
