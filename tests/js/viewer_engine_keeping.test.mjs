// What of the last picture still serves, and how channels lie on the card.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Camera } from "../../viewer/static/viewer/engine/camera.js";
import { Kept } from "../../viewer/static/viewer/engine/keeping.js";
import { interleave, packed, packOf } from "../../viewer/static/viewer/engine/packing.js";

const SIZE = [400, 300];

function camera(centre, more = {}) {
  return new Camera({ centre, resolution: 2, rotation: 0, size: SIZE, ...more });
}

function keptAt(centre, unfinished = []) {
  const kept = new Kept();
  kept.painted(camera(centre), "look", unfinished);
  return kept;
}

test("the first picture, and one that looks different, are painted whole", () => {
  assert.equal(new Kept().plan(camera([0, 0]), "look", false).due, null);
  assert.equal(keptAt([0, 0]).plan(camera([0, 0]), "other", false).due, null);
  const kept = keptAt([0, 0]);
  kept.forget();
  assert.equal(kept.plan(camera([0, 0]), "look", false).due, null);
});

test("what is there already is not painted again", () => {
  assert.deepEqual(keptAt([0, 0]).plan(camera([0, 0]), "look", false).due, []);
});

test("panning moves the picture and paints what has come into view", () => {
  const { moved, due } = keptAt([0, 0]).plan(camera([20, -10]), "look", true); // 10 px to the right, 5 up
  assert.deepEqual(moved, [-10, 5]);
  assert.deepEqual(due, [[390, 0, 400, 300], [0, 0, 400, 5]]);
});

test("on its way a view is painted at a whole pixel, at rest where it is", () => {
  const between = camera([20.8, 0]);
  const { camera: near, due } = keptAt([0, 0]).plan(between, "look", true);
  assert.deepEqual([near.centre, due.length], [[20, 0], 1]);
  const rest = keptAt([0, 0]).plan(between, "look", false);
  assert.deepEqual([rest.camera, rest.due], [between, null]);
});

test("a turned view moves along its own axes", () => {
  const kept = new Kept();
  kept.painted(camera([0, 0], { rotation: Math.PI / 2 }), "look", []);
  const { moved } = kept.plan(camera([0, 40], { rotation: Math.PI / 2 }), "look", true);
  assert.deepEqual(moved, [20, 0]);
});

test("what was unfinished is due, where it lies now", () => {
  const { due } = keptAt([0, 0], [[100, 100, 120, 120], [0, 0, 8, 8]]).plan(camera([20, 0]), "look", true);
  assert.deepEqual(due, [[390, 0, 400, 300], [90, 100, 110, 120]]);
});

test("a long way, or much that is unfinished, is painted at once", () => {
  assert.equal(keptAt([0, 0]).plan(camera([600, 0]), "look", true).due, null);
  assert.equal(keptAt([0, 0], [[0, 0, 400, 200]]).plan(camera([0, 0]), "look", false).due, null);
});

test("steps add up to no drift: each is measured from where the picture was painted", () => {
  const kept = keptAt([0, 0]);
  for (let step = 1; step <= 50; step++) {
    const wanted = camera([step * 0.6, 0]); // 0.3 px
    const plan = kept.plan(wanted, "look", true);
    assert.ok(Math.abs(plan.camera.centre[0] - wanted.centre[0]) <= 1 + 1e-9); // half a px
    kept.painted(plan.camera, "look", []);
  }
});

test("a box of the slide touches whole pixels, turned or not", () => {
  assert.deepEqual(camera([0, 0]).rect(0, 0, 10, 10), [199, 149, 206, 156]);
  const [left, top, right, bottom] = camera([0, 0], { rotation: Math.PI / 4 }).rect(0, 0, 10, 10);
  assert.ok(left <= 196 && right >= 204 && top <= 150 && bottom >= 157);
});

test("four channels share a texel; one or two need no more room than they have", () => {
  assert.deepEqual([1, 2, 3, 4, 5].map((count) => packed(count).components), [1, 2, 4, 4, 4]);
  assert.deepEqual([1, 4, 5, 16].map((count) => packed(count).packs), [1, 1, 2, 4]);
  assert.deepEqual([0, 3, 4, 15].map(packOf), [0, 0, 1, 3]);
  const [red, blue] = [new Uint16Array([1, 2]), new Uint16Array([5, 6])];
  assert.deepEqual([...interleave([red, undefined, blue, undefined], 4, new Uint16Array(8))], [1, 0, 5, 0, 2, 0, 6, 0]);
});
