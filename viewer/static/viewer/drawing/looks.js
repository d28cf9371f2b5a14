/**
 * @file How a shape looks on the slide: the colour of its word, and a dash that says whether it is saved.
 */

import { Circle, Fill, Stroke, Style, Text } from "../npm.js";
import { measured } from "./measure.js";

/** @typedef {import("./draft.js").Draft} Draft */

/**
 * @typedef {object} Look
 * @property {string} colour
 * @property {number[]} dash of the line: colour is never the only sign of a state
 * @property {string} casing under the line, so that it is seen on every stain
 */

const OWN = "#35d0ba";
/** Of colleagues' shapes without a word, in the order the colleagues come. */
const COLLEAGUES = ["#c792ea", "#f78c6c", "#82aaff", "#ffcb6b", "#89ddff"];
const DASHES = { saved: [], saving: [9, 4], waiting: [9, 4], conflict: [2, 5], refused: [2, 5] };
const CASING = "rgba(0, 0, 0, 0.55)";
const ALARM = "rgba(255, 60, 90, 0.9)";

export class Looks {
  /** @type {Map<string, string>} */
  #words = new Map();
  /** @type {string[]} */
  #colleagues = [];
  #me;
  #pixelSizeUm;

  /** @param {string} me @param {number} pixelSizeUm */
  constructor(me, pixelSizeUm) {
    this.#me = me;
    this.#pixelSizeUm = pixelSizeUm;
  }

  /** @param {{label: string, colour: string}[]} words */
  use(words) {
    this.#words = new Map(words.map(({ label, colour }) => [label, colour]));
  }

  /** @param {Draft} draft @returns {Look} */
  of({ label, author, state }) {
    const alarmed = state === "conflict" || state === "refused";
    return { colour: this.#words.get(label) ?? this.#of(author), dash: DASHES[state], casing: alarmed ? ALARM : CASING };
  }

  /** What is written beside a shape: a ruler says its length. @param {Draft} draft */
  word({ kind, label, geometry }) {
    return [label, kind === "ruler" && measured(geometry, this.#pixelSizeUm)].filter(Boolean).join(" · ");
  }

  /** @param {string} author */
  #of(author) {
    if (author === this.#me) {
      return OWN;
    }
    if (!this.#colleagues.includes(author)) {
      this.#colleagues.push(author);
    }
    return COLLEAGUES[this.#colleagues.indexOf(author) % COLLEAGUES.length] ?? OWN;
  }

  /** @param {Draft} draft @returns {InstanceType<typeof Style>[]} of a selected shape */
  selected(draft) {
    const { colour, dash, casing } = this.of(draft);
    const fill = new Fill({ color: "rgba(255, 255, 255, 0.12)" });
    return [
      new Style({ stroke: new Stroke({ color: casing, width: 7 }) }),
      new Style({
        stroke: new Stroke({ color: colour, width: 3.5, lineDash: dash }),
        fill,
        image: new Circle({ radius: 7, fill: new Fill({ color: colour }), stroke: new Stroke({ color: "#ffffff", width: 2 }) }),
        text: new Text({
          text: this.word(draft), overflow: true, font: "600 13px system-ui, sans-serif",
          fill: new Fill({ color: "#ffffff" }), stroke: new Stroke({ color: "#000000", width: 3 }),
        }),
      }),
    ];
  }
}
