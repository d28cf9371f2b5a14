/**
 * @file The whole-slide histogram of a channel, on a logarithmic scale, with its window.
 */

/**
 * As `/viewer/<uid>/histogram.json` gives it, from a coarse layer of the whole slide.
 *
 * @typedef {object} ChannelHistogram
 * @property {number[]} counts
 * @property {number} top the intensity at the right end
 * @property {number} autoLow
 * @property {number} autoHigh
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ChannelHistogram} histogram
 * @param {{colour: string, low: number, high: number}} channel
 */
export function drawHistogram(canvas, histogram, { colour, low, high }) {
  const context = canvas.getContext("2d");
  if (!context) {
    return;
  }
  const { width, height } = canvas;
  const most = Math.log1p(Math.max(1, ...histogram.counts));
  const step = width / histogram.counts.length;
  const at = (/** @type {number} */ value) => (value / histogram.top) * width;
  context.clearRect(0, 0, width, height);
  context.fillStyle = "rgba(255, 255, 255, 0.08)";
  context.fillRect(at(low), 0, at(high) - at(low), height);
  context.fillStyle = colour;
  histogram.counts.forEach((count, i) => {
    const tall = (Math.log1p(count) / most) * (height - 2);
    context.fillRect(i * step, height - tall, Math.max(1, step), tall);
  });
  context.fillStyle = "#ffffff";
  context.fillRect(at(low), 0, 1, height);
  context.fillRect(Math.min(width - 1, at(high)), 0, 1, height);
}
