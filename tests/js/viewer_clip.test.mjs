// The brush, the knife and the glue: areas are kept, holes stay holes.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as clipper2 from "../../node_modules/clipper2-ts/dist/index.js";
import { Clip } from "../../viewer/static/viewer/drawing/clip.js";
import { boxOf, shapeArea, shapeLength, shifted } from "../../viewer/static/viewer/drawing/geometry.js";
import { measured } from "../../viewer/static/viewer/drawing/measure.js";
import { thinned } from "../../viewer/static/viewer/drawing/thinning.js";

const clip = new Clip(clipper2);
const box = (x, y, side) => [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
const square = (x, y, side) => ({ type: "Polygon", coordinates: [box(x, y, side)] });
const near = (one, other, tolerance) => assert.ok(Math.abs(one - other) <= tolerance, `${one} is not ${other}`);

test("shapes that overlap become one, shapes apart become one of two parts", () => {
  const one = clip.union([square(0, 0, 10), square(5, 5, 10)]);
  assert.deepEqual([one.type, shapeArea(one)], ["Polygon", 175]);
  const two = clip.union([square(0, 0, 10), square(50, 50, 10)]);
  assert.deepEqual([two.type, shapeArea(two)], ["MultiPolygon", 200]);
});

test("what is rubbed out inside becomes a hole, whichever way its ring is drawn, and can be filled again", () => {
  const ring = clip.difference(square(0, 0, 10), square(4, 4, 2));
  assert.deepEqual([ring.coordinates.length, shapeArea(ring)], [2, 96]);
  for (const hole of [box(4, 4, 2), box(4, 4, 2).reverse()]) {
    const given = { type: "Polygon", coordinates: [box(0, 0, 10), hole] };
    assert.equal(shapeArea(clip.union([given])), 96);
    assert.equal(shapeArea(clip.union([given, square(3, 3, 4)])), 100);
  }
});

test("an island in a hole stays", () => {
  const island = { type: "MultiPolygon", coordinates: [[box(0, 0, 30), box(5, 5, 20)], [box(10, 10, 5)]] };
  assert.equal(shapeArea(clip.union([island])), 900 - 400 + 25);
});

test("nothing is left when all is rubbed out", () => {
  assert.equal(clip.difference(square(2, 2, 4), square(0, 0, 10)), null);
});

test("a line parts a shape and loses a hair; a line that ends inside parts nothing", () => {
  const line = { type: "LineString", coordinates: [[-5, 50], [105, 50]] };
  const parts = clip.split(square(0, 0, 100), line);
  assert.equal(parts.length, 2);
  near(parts.reduce((sum, part) => sum + shapeArea(part), 0), 10_000, 3);
  assert.equal(clip.split(square(0, 0, 100), { type: "LineString", coordinates: [[-5, 50], [50, 50]] }).length, 1);
});

test("a brush covers a round-ended band, and a dot where it does not move", () => {
  const band = clip.brushed([[0, 0], [100, 0]], 10);
  near(shapeArea(band), 2000 + Math.PI * 100, 15);
  near(shapeArea(clip.brushed([[5, 5]], 10)), Math.PI * 100, 6);
});

test("a hundred strokes over each other keep a simple shape on the grid of the record", () => {
  let shape = square(0, 0, 50);
  for (let i = 0; i < 100; i++) {
    const way = [[(i * 37) % 60, (i * 53) % 60], [(i * 71) % 60, (i * 29) % 60]];
    shape = i % 3 ? clip.union([shape, clip.brushed(way, 4)]) : clip.difference(shape, clip.brushed(way, 2)) ?? shape;
  }
  const again = clip.union([shape]);
  near(shapeArea(again), shapeArea(shape), 0.5);
  assert.ok(shape.coordinates.flat(3).every((value) => Math.abs(value * 100 - Math.round(value * 100)) < 1e-6));
});

test("sizes are said in the units of the bench", () => {
  assert.equal(measured(square(0, 0, 10), 0.5), "25 µm²");
  assert.equal(measured(square(0, 0, 1000), 0.5), "0.25 mm²");
  assert.equal(measured({ type: "LineString", coordinates: [[0, 0], [30, 40]] }, 0.5), "25 µm");
  assert.equal(measured({ type: "LineString", coordinates: [[0, 0], [3000, 4000]] }, 0.5), "2.5 mm");
  assert.equal(measured(square(0, 0, 10), 0), "100 px²");
  assert.equal(measured({ type: "Point", coordinates: [1, 2] }, 0.5), "");
});

test("a shape is moved whole, and its box is known", () => {
  const moved = shifted({ type: "MultiPolygon", coordinates: [[box(0, 0, 2)], [box(5, 5, 1)]] }, 10, -1);
  assert.deepEqual(boxOf(moved), [10, -1, 16, 5]);
  assert.equal(shapeArea(moved), 5);
  assert.equal(shapeLength({ type: "LineString", coordinates: [[0, 0], [3, 4], [3, 5]] }), 6);
});

test("an outline has no more corners than the zoom can show, and all of them near", () => {
  const round = { type: "Polygon", coordinates: [Array.from({ length: 2001 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 2000;
    return [1000 * Math.cos(angle), 1000 * Math.sin(angle)];
  })] };
  assert.ok(thinned(round, 0.5).paths[0].length / 2 > 1900);
  const far = thinned(round, 64).paths[0].length / 2;
  assert.ok(far > 60 && far < 200, String(far));
  assert.equal(thinned(round, 64), thinned(round, 100), "one outline for each doubling of the zoom");
});
