// @ts-check
/**
 * @file Draws the tables of the figures page as bars (and a line in per cent). The table is the data: what a chart
 * shows is what a screen reader reads.
 *
 * <div data-chart="ID OF THE TABLE" data-bars="1,2" data-line="3" data-unit="slides" data-tones="good,bad">
 */

/** By an address beside this module's own: a bare name would need an import map, which is an inline script. */
const { default: uPlot } = /** @type {{default: typeof import("uplot")}} */ (
  await import(String(new URL("../npm/uplot/dist/uPlot.esm.js", import.meta.url)))
);

const HEIGHT = 256;
const LINE_LENGTH = 11;

/**
 * @param {HTMLTableElement} table
 * @param {number} column
 * @returns {(number | null)[]}
 */
function numbers(table, column) {
  return cells(table, column).map((text) => (text === "–" ? null : Number(text)));
}

/**
 * @param {HTMLTableElement} table
 * @param {number} column
 */
function cells(table, column) {
  return [...(table.tBodies[0]?.rows ?? [])].map((row) => row.cells[column]?.textContent?.trim() ?? "");
}

/** @param {string} name of a custom property */
function tone(name) {
  // Colours of the design system are light-dark() pairs: only an element's computed colour says which one holds.
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/**
 * A name in lines that fit under a bar.
 *
 * @param {string} text
 */
function wrapped(text) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last && last.length + word.length >= LINE_LENGTH) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines.slice(0, 3).join("\n");
}

/**
 * @param {HTMLTableElement} table
 * @param {number} column
 */
const title = (table, column) => table.tHead?.rows[0]?.cells[column]?.textContent ?? "";

/**
 * The series of a chart and its columns of numbers.
 *
 * @param {HTMLElement} place
 * @param {HTMLTableElement} table
 */
function series(place, table) {
  const bars = (place.dataset.bars ?? "").split(",").filter(Boolean).map(Number);
  const tones = (place.dataset.tones ?? "accent").split(",");
  const width = 0.7 / bars.length;
  const drawn = bars.map((column, n) => ({
    label: title(table, column),
    fill: tone(`--${tones[n % tones.length]}`),
    stroke: tone(`--${tones[n % tones.length]}`),
    width: 0,
    points: { show: false },
    paths: uPlot.paths.bars?.({ size: [width, 64], align: bars.length > 1 ? (n === 0 ? -1 : 1) : 0 }),
  }));
  const data = bars.map((column) => numbers(table, column));
  if (place.dataset.line) {
    const column = Number(place.dataset.line);
    drawn.push(/** @type {any} */ ({ label: title(table, column), scale: "%", stroke: tone("--doubt"), width: 2, points: { show: true, size: 7, fill: tone("--doubt") } }));
    data.push(numbers(table, column));
  }
  return { drawn, data };
}

/**
 * From nothing to a little above the highest bar.
 *
 * @param {unknown} _chart
 * @param {number | null} _least
 * @param {number | null} most
 * @returns {[number, number]}
 */
const upTo = (_chart, _least, most) => [0, most ? most * 1.1 : 1];

/** @param {HTMLElement} place */
function draw(place) {
  const table = document.getElementById(place.dataset.chart ?? "");
  if (!(table instanceof HTMLTableElement)) return;
  const names = cells(table, 0);
  const { drawn, data } = series(place, table);
  const ink = tone("--soft");
  const grid = { stroke: tone("--line"), width: 1 };
  const room = Math.max(1, Math.ceil((names.length * 90) / place.clientWidth));
  const axes = [
    { stroke: ink, grid: { show: false }, size: 72, splits: () => names.map((_, n) => n), values: () => names.map((name, n) => (n % room ? "" : wrapped(name))) },
    { stroke: ink, grid, label: place.dataset.unit ?? "", size: 56, labelSize: 18 },
  ];
  if (place.dataset.line) axes.push(/** @type {any} */ ({ scale: "%", side: 1, stroke: ink, grid: { show: false }, size: 60, values: (/** @type {unknown} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => `${tick} %`) }));
  place.replaceChildren();
  new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      legend: { show: drawn.length > 1, live: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [-0.6, names.length - 0.4] }, y: { range: upTo }, "%": { range: [0, 105] } },
      series: [{}, ...drawn],
      axes,
    },
    [names.map((_, n) => n), ...data],
    place,
  );
}

const places = [...document.querySelectorAll("[data-chart]")].filter((place) => place instanceof HTMLElement);
const drawAll = () => places.forEach(draw);
drawAll();
addEventListener("resize", drawAll);
matchMedia("(prefers-color-scheme: light)").addEventListener("change", drawAll);
new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
