/**
 * @file The scale bar: the roundest length that fits, in µm or mm.
 */

/**
 * @param {number} umPerScreenPx
 * @param {number} maxPx
 * @returns {{label: string, px: number}}
 */
export function scaleBar(umPerScreenPx, maxPx) {
  const most = umPerScreenPx * maxPx;
  const decade = 10 ** Math.floor(Math.log10(most));
  const um = [5, 2, 1].map((step) => step * decade).find((length) => length <= most) ?? decade;
  const label = um >= 1000 ? `${Number((um / 1000).toPrecision(3))} mm` : `${Number(um.toPrecision(3))} µm`;
  return { label, px: um / umPerScreenPx };
}
