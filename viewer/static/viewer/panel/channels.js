/**
 * @file The channels' panel: on and off, colour, window, gamma, opacity, offset, histogram, auto-window.
 */

import { MAX_SHOWN } from "../engine/mixing.js";
import { drawHistogram } from "./histogram.js";
import { Bound, part } from "./part.js";

/** @typedef {import("../types.js").ChannelState} ChannelState */
/** @typedef {import("./histogram.js").ChannelHistogram} ChannelHistogram */

export class ChannelPanel {
  #rows;
  #channels;
  #note;

  /**
   * @param {HTMLElement} root with the list, the template and the note
   * @param {ChannelState[]} channels changed in place
   * @param {ChannelHistogram[]} histograms
   * @param {() => void} onChange
   */
  constructor(root, channels, histograms, onChange) {
    const list = part(root, "[data-channels]", HTMLElement);
    const template = part(root, "[data-channel-template]", HTMLTemplateElement);
    this.#channels = channels;
    this.#note = part(root, "[data-channels-note]", HTMLElement);
    this.#rows = channels.map((channel, i) => {
      const changed = () => {
        this.#count();
        onChange();
      };
      const row = new ChannelRow(template, channel, i, histograms[i] ?? null, changed);
      list.append(row.element);
      return row;
    });
    part(root, "[data-auto-all]", HTMLButtonElement).addEventListener("click", () => this.autoWindow());
    part(root, "[data-offsets-reset]", HTMLButtonElement).addEventListener("click", () => {
      channels.forEach((channel) => Object.assign(channel, { dx: 0, dy: 0 }));
      this.refresh();
      onChange();
    });
    this.#count();
  }

  /** @param {number} index toggles a channel, for the keyboard */
  toggle(index) {
    this.#rows[index]?.toggle();
  }

  autoWindow() {
    this.#rows.forEach((row) => row.autoWindow());
  }

  /** Shows what the channels are now. */
  refresh() {
    this.#rows.forEach((row) => row.refresh());
    this.#count();
  }

  #count() {
    const shown = this.#channels.filter((channel) => channel.shown).length;
    this.#note.textContent = shown > MAX_SHOWN ? `${shown} channels are on; the first ${MAX_SHOWN} of them are painted.` : "";
  }
}

class ChannelRow {
  #channel;
  #histogram;
  #onChange;
  #bound;
  #canvas;
  #reading;

  /**
   * @param {HTMLTemplateElement} template
   * @param {ChannelState} channel
   * @param {number} index
   * @param {ChannelHistogram | null} histogram
   * @param {() => void} onChange
   */
  constructor(template, channel, index, histogram, onChange) {
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(fragment, "[data-channel]", HTMLElement);
    this.#channel = channel;
    this.#histogram = histogram;
    this.#onChange = onChange;
    this.#canvas = part(this.element, "canvas", HTMLCanvasElement);
    this.#reading = part(this.element, "[data-reading]", HTMLElement);
    part(this.element, "[data-name]", HTMLElement).textContent = channel.name;
    for (const input of this.element.querySelectorAll("input")) {
      input.setAttribute("aria-label", `${channel.name}: ${input.getAttribute("aria-label")}`);
    }
    part(this.element, "[data-shown]", HTMLInputElement).title = index < 9 ? `key ${index + 1}` : "";
    part(this.element, "[data-auto]", HTMLButtonElement).addEventListener("click", () => this.autoWindow());
    this.#bound = new Bound(this.#bindings(), onChange, () => this.#show());
  }

  /** @returns {import("./part.js").Binding[]} */
  #bindings() {
    const channel = this.#channel;
    const input = (/** @type {string} */ name) => part(this.element, `[data-${name}]`, HTMLInputElement);
    const number = (/** @type {"opacity" | "dx" | "dy"} */ name) => ({
      input: input(name),
      get: () => channel[name],
      set: (/** @type {string} */ value) => void (channel[name] = Number(value) || 0),
    });
    const top = this.#histogram?.top ?? 65_535;
    input("low").max = String(top);
    input("high").max = String(top);
    return [
      { input: input("shown"), get: () => channel.shown, set: (_, checked) => void (channel.shown = checked) },
      { input: input("colour"), get: () => channel.colour, set: (value) => void (channel.colour = value) },
      {
        input: input("low"),
        get: () => channel.low,
        set: (value) => {
          channel.low = Math.min(Number(value), top - 1);
          channel.high = Math.max(channel.high, channel.low + 1);
        },
      },
      {
        input: input("high"),
        get: () => channel.high,
        set: (value) => {
          channel.high = Math.max(Number(value), 1);
          channel.low = Math.min(channel.low, channel.high - 1);
        },
      },
      { input: input("gamma"), get: () => Math.log10(channel.gamma), set: (value) => void (channel.gamma = 10 ** Number(value)) },
      number("opacity"),
      number("dx"),
      number("dy"),
    ];
  }

  toggle() {
    this.#channel.shown = !this.#channel.shown;
    this.#bound.refresh();
    this.#onChange();
  }

  autoWindow() {
    if (this.#histogram) {
      this.#channel.low = this.#histogram.autoLow;
      this.#channel.high = this.#histogram.autoHigh;
      this.#bound.refresh();
      this.#onChange();
    }
  }

  refresh() {
    this.#bound.refresh();
  }

  #show() {
    const { shown, low, high, gamma, dx, dy } = this.#channel;
    const moved = dx || dy ? ` · moved ${dx}, ${dy}` : "";
    this.element.classList.toggle("is-off", !shown);
    this.#reading.textContent = `${low}–${high}${gamma === 1 ? "" : ` · γ ${gamma.toFixed(2)}`}${moved}`;
    if (this.#histogram) {
      drawHistogram(this.#canvas, this.#histogram, this.#channel);
    }
  }
}
