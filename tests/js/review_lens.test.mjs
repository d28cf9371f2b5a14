// Which part of a photograph the focus review looks at. Run by `node --test tests/js/`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { LEAST, near, panned, whole, zoomed } from "../../scanning/static/scanning/lens.js";

const SIZE = { width: 2000, height: 800 };
const SPECK = { x: 1000, y: 300, width: 30, height: 40 };

test("the tissue is seen from near, in the middle, with a margin", () => {
  const view = near(SPECK, SIZE, 1.6);
  assert.ok(view.width < 130);
  assert.ok(Math.abs(view.width / view.height - 1.6) < 1e-9);
  assert.ok(Math.abs(view.x + view.width / 2 - 1015) < 1e-9);
  assert.ok(view.y < 300 && view.y + view.height > 340);
});

test("the whole glass is whole for every shape of window", () => {
  for (const aspect of [0.5, 1.6, 4]) {
    const view = whole(SIZE, aspect);
    assert.ok(view.x <= 0 && view.x + view.width >= SIZE.width);
    assert.ok(view.y <= 0 && view.y + view.height >= SIZE.height);
    assert.deepEqual(near({ x: 0, y: 0, width: 2000, height: 800 }, SIZE, aspect), view);
  }
});

test("zooming keeps the place under the pointer, and ends at both ends", () => {
  const at = { x: 1010, y: 320 };
  const before = near(SPECK, SIZE, 1.6);
  const after = zoomed(before, at, 0.5, SIZE);
  const share = (view) => (at.x - view.x) / view.width;
  assert.ok(Math.abs(share(before) - share(after)) < 1e-9);
  assert.equal(zoomed(before, at, 1e-6, SIZE).width, LEAST);
  assert.deepEqual(zoomed(before, at, 1e6, SIZE), whole(SIZE, 1.6));
});

test("a view never leaves the picture", () => {
  const view = panned(near(SPECK, SIZE, 1.6), 1e9, -1e9, SIZE);
  assert.equal(view.x, 0);
  assert.equal(view.y + view.height, SIZE.height);
});
