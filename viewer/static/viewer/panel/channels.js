/**
 * @file The channels' panel: on and off, colour, window, gamma, histogram, auto-window.
 */

import { drawHistogram } from "./histogram.js";

/** @typedef {import("../types.js").ChannelState} ChannelState */
/** @typedef {import("./histogram.js").ChannelHistogram} ChannelHistogram */

/**
 * Element of a panel by its data attribute; the template is ours, so a missing one is a mistake to hear about.
 *
 * @template {Element} T
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(parent, selector, kind) {
  const found = parent.querySelector(selector);
  if (!(found instanceof kind)) {
    throw new Error(`The page has no ${selector}.`);
  }
  return found;
}

export class ChannelPanel {
  #rows;

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {ChannelState[]} channels changed in place
   * @param {ChannelHistogram[]} histograms
   * @param {() => void} onChange
   */
  constructor(list, template, channels, histograms, onChange) {
    this.#rows = channels.map((channel, i) => {
      const row = new ChannelRow(template, channel, i, histograms[i] ?? null, onChange);
      list.append(row.element);
      return row;
    });
  }

  /** @param {number} index toggles a channel, for the keyboard */
  toggle(index) {
    this.#rows[index]?.toggle();
  }

  autoWindow() {
    this.#rows.forEach((row) => row.autoWindow());
  }
}

class ChannelRow {
  #channel;
  #histogram;
  #onChange;
  #inputs;
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
    const input = (/** @type {string} */ name) => part(this.element, `[data-${name}]`, HTMLInputElement);
    this.#inputs = {
      shown: input("shown"), colour: input("colour"), low: input("low"), high: input("high"), gamma: input("gamma"),
    };
    this.#canvas = part(this.element, "canvas", HTMLCanvasElement);
    this.#reading = part(this.element, "[data-reading]", HTMLElement);
    part(this.element, "[data-name]", HTMLElement).textContent = channel.name;
    this.#inputs.shown.setAttribute("aria-label", `Show ${channel.name} (key ${index + 1})`);
    const top = String(histogram?.top ?? 65535);
    this.#inputs.low.max = top;
    this.#inputs.high.max = top;
    this.element.addEventListener("input", () => this.#read());
    part(this.element, "[data-auto]", HTMLButtonElement).addEventListener("click", () => this.autoWindow());
    this.#write();
  }

  toggle() {
    this.#channel.shown = !this.#channel.shown;
    this.#write();
    this.#onChange();
  }

  autoWindow() {
    if (this.#histogram) {
      this.#channel.low = this.#histogram.autoLow;
      this.#channel.high = this.#histogram.autoHigh;
      this.#write();
      this.#onChange();
    }
  }

  #read() {
    const { shown, colour, low, high, gamma } = this.#inputs;
    const channel = this.#channel;
    channel.shown = shown.checked;
    channel.colour = colour.value;
    channel.gamma = 10 ** Number(gamma.value);
    channel.low = Math.min(Number(low.value), Number(low.max) - 1);
    channel.high = Math.max(Number(high.value), channel.low + 1);
    this.#write();
    this.#onChange();
  }

  #write() {
    const { shown, colour, low, high, gamma } = this.#inputs;
    const channel = this.#channel;
    shown.checked = channel.shown;
    colour.value = channel.colour;
    low.value = String(channel.low);
    high.value = String(channel.high);
    gamma.value = String(Math.log10(channel.gamma));
    this.element.classList.toggle("is-off", !channel.shown);
    this.#reading.textContent = `${channel.low} – ${channel.high} · γ ${channel.gamma.toFixed(2)}`;
    if (this.#histogram) {
      drawHistogram(this.#canvas, this.#histogram, channel);
    }
  }
}
