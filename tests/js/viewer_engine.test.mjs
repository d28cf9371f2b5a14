// The engine's pure parts. Run by `node --test tests/js/`.
import assert from "node:assert/strict";
import { test } from "node:test";

import Flatbush from "flatbush";

import { addresses, asMosaic, codingOf } from "../../viewer/static/viewer/engine/addresses.js";
import { batchRange, blockGrid, blockOf, partsOf } from "../../viewer/static/viewer/engine/blocks.js";
import { Camera } from "../../viewer/static/viewer/engine/camera.js";
import { readFrames } from "../../viewer/static/viewer/engine/frames.js";
import { MosaicLayout } from "../../viewer/static/viewer/engine/layout.js";
import { BatchLoader } from "../../viewer/static/viewer/engine/loader.js";
import { ByteLru } from "../../viewer/static/viewer/engine/lru.js";
import { served } from "../../viewer/static/viewer/engine/source.js";
import { planar, planesOf, shifted } from "../../viewer/static/viewer/engine/samples.js";
import { chooseLevel, power, presets, resolutionRange, tapsPerAxis } from "../../viewer/static/viewer/engine/zoom.js";
import { scaleBar } from "../../viewer/static/viewer/scalebar.js";

const LEVELS = [1, 4, 8, 16, 32];

/** 12 fields of 384 × 256 in three rows; 2 × 2 chunks each at level 1, eight fields a chunk at level 8. */
function header() {
  const x = [0, 340, 680, 1020, 1020, 680, 340, 0, 0, 340, 680, 1020];
  const y = x.map((_, i) => Math.floor(i / 4) * 230);
  const zero = x.map(() => 0);
  const level = (downsample, chunkWidth, chunkHeight, fieldsPerChunk) => ({
    downsample, width: 384 / downsample, height: 256 / downsample, chunkWidth, chunkHeight, fieldsPerChunk,
  });
  return {
    kind: "mosaic",
    version: "v1",
    encoding: "blosc",
    dtype: "uint16",
    channels: [{}, {}, {}, {}],
    levels: [level(1, 192, 128, 1), level(4, 96, 64, 1), level(8, 48, 32, 8)],
    fields: { width: 384, height: 256, x, y, z: zero, t: zero, registeredX: null, registeredY: null },
  };
}

test("the cache keeps its budget and drops the least recently used", () => {
  const gone = [];
  const cache = new ByteLru(10, (_, key) => gone.push(key));
  cache.set("a", 1, 4);
  cache.set("b", 2, 4);
  assert.equal(cache.get("a"), 1);
  cache.set("c", 3, 4);
  assert.deepEqual(gone, ["b"]);
  assert.equal(cache.bytes, 8);
});

test("the cache refuses a value larger than its budget, and keeps what a frame has used", () => {
  const cache = new ByteLru(10);
  assert.equal(cache.set("big", 2, 40), false);
  cache.begin();
  assert.equal(cache.set("a", 1, 6), true);
  assert.equal(cache.set("b", 2, 6), false);
  assert.equal(cache.used, 6);
  cache.begin();
  assert.equal(cache.set("b", 2, 6), true);
  assert.deepEqual([cache.has("a"), cache.bytes, cache.used], [false, 6, 6]);
});

test("replacing a value counts its bytes once", () => {
  const cache = new ByteLru(10);
  cache.set("a", 1, 4);
  cache.set("a", 2, 6);
  assert.equal(cache.bytes, 6);
  cache.clear();
  assert.equal(cache.bytes, 0);
});

test("the zoom manager takes the coarsest layer that is sharp", () => {
  const at = (resolution) => LEVELS[chooseLevel(LEVELS, resolution)];
  assert.deepEqual([0.1, 1, 2, 2.7, 4, 5.4, 8, 16, 22, 200].map(at), [1, 1, 1, 4, 4, 8, 8, 16, 32, 32]);
});

test("a minified pixel averages, a magnified one is the nearest", () => {
  assert.deepEqual([0.25, 1, 2, 2.6, 4].map((resolution) => tapsPerAxis(resolution, 1)), [1, 1, 2, 3, 4]);
});

test("at the objective's power one slide pixel is one screen pixel", () => {
  assert.equal(presets(20, 0.5).find(({ label }) => label === "20×").resolution, 1);
  assert.equal(presets(0, 0.25).find(({ label }) => label === "40×").resolution, 1);
});

test("a slide of unknown size is taken for 20× at 0.5 µm, and the range of zooms knows no screen", () => {
  assert.equal(power(0, 0), 20);
  assert.deepEqual(resolutionRange(96_000, 500), { min: 1 / 16, max: 1000 });
});

test("the layout finds fields in view in painting order, by focus layer", () => {
  const { fields } = header();
  const layout = new MosaicLayout({ ...fields, z: fields.z.map((_, i) => (i === 5 ? 1 : 0)) }, Flatbush);
  const all = { registered: false, z: 0, t: 0 };
  assert.deepEqual(layout.query([740, 100, 750, 260], all), [2]);
  assert.deepEqual(layout.query([740, 100, 750, 260], { ...all, z: 1 }), [5]);
  assert.deepEqual(layout.query([350, 10, 360, 20], all), [0, 1]);
});

test("the layout moves fields where registration put them", () => {
  const { fields } = header();
  const registeredX = fields.x.map((x) => x + 5000);
  const layout = new MosaicLayout({ ...fields, registeredX, registeredY: fields.y }, Flatbush);
  assert.deepEqual(layout.query([5000, 0, 5010, 10], { registered: true, z: 0, t: 0 }), [0]);
  assert.deepEqual(layout.query([5000, 0, 5010, 10], { registered: false, z: 0, t: 0 }), []);
  assert.deepEqual(layout.origin(1, true), [5340, 0]);
});

test("blocks count group by group, and batches partition them", () => {
  const slide = header();
  const [fine, , grouped] = slide.levels.map((level) => blockGrid(slide, level));
  assert.equal(fine.count, 48);
  assert.equal(blockOf(fine, 3, 1, 0), 14);
  assert.equal(grouped.count, 2);
  assert.equal(blockOf(grouped, 9, 0, 0), 1);
  const seen = [];
  for (let batch = 0; batch * fine.perBatch < fine.count; batch++) {
    const [first, end] = batchRange(fine, batch);
    for (let block = first; block < end; block++) {
      seen.push(block);
    }
  }
  assert.deepEqual(seen, [...Array(48).keys()]);
});

test("only the chunks in view are wanted", () => {
  const slide = header();
  const grid = blockGrid(slide, slide.levels[0]);
  const parts = partsOf(grid, 1, [340, 0], [340 + 200, 10, 340 + 210, 20]);
  assert.deepEqual(parts, [{ block: 5, slot: 0, left: 192, top: 0, right: 384, bottom: 128 }]);
});

test("a field that ends within a coarse pixel is painted to its edge only", () => {
  const slide = header();
  const level = { downsample: 32, width: 12, height: 9, chunkWidth: 12, chunkHeight: 9, fieldsPerChunk: 8 };
  const tall = { ...slide, fields: { ...slide.fields, height: 272 } };
  const [part] = partsOf(blockGrid(tall, level), 0, [0, 0], [0, 0, 10, 10]);
  assert.deepEqual([part.right, part.bottom], [12, 8.5]);
});

test("a batch of chunks is read, with gaps", () => {
  const bytes = new Uint8Array([0x4e, 0x43, 0x42, 0x31, 3, 0, 0, 0, 2, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 7, 8, 9]);
  assert.deepEqual(readFrames(bytes.buffer), [new Uint8Array([7, 8]), null, new Uint8Array([9])]);
});

const codecs = {
  blosc: async (frame) => new Uint16Array(frame).buffer,
  jpeg: async (frame, size) => size[0] === 2 && new Uint8ClampedArray([...frame].flatMap((grey) => [grey, grey + 1, grey + 2, 255])),
};

test("a Blosc frame is one plane, its channel's offset added modulo 2^16", async () => {
  const frames = [new Uint8Array([1, 2]), new Uint8Array([1, 200]), null, new Uint8Array([5])];
  const planes = await planesOf(frames, { encoding: "blosc", framed: true, offsets: [0, 65500], size: [2, 1] }, codecs);
  assert.deepEqual(planes.map((plane) => plane && [...new Uint16Array(plane)]), [[1, 2], [65501, 164], null, [65505]]);
});

test("a JPEG frame is three planes, and one that is absent three gaps", async () => {
  const planes = await planesOf([new Uint8Array([7, 9]), null], { encoding: "jpeg", framed: true, offsets: [0, 0, 0], size: [2, 1] }, codecs);
  const seen = planes.map((plane) => plane && [...new Uint8Array(plane)]);
  assert.deepEqual(seen, [[7, 9], [8, 10], [9, 11], null, null, null]);
});

test("samples without an offset stay as they are, whatever their length", () => {
  const odd = new Uint8Array([1, 2, 3]).buffer;
  assert.equal(shifted(odd, 0), odd);
  assert.deepEqual(planar(new Uint8ClampedArray(0)).map((plane) => plane.byteLength), [0, 0, 0]);
});

test("chunks are asked for in runs, and once where one holds all channels", () => {
  const slide = header();
  const wish = { batch: 1, grid: { ...blockGrid(slide, slide.levels[0]), perBatch: 4 }, channels: [0, 2] };
  const urls = { chunks: "/chunks", tiles: "/tile/" };
  assert.equal(addresses(slide, urls)(wish), "/chunks?v=v1&level=1&blocks=4-7&channels=0,2");
  assert.equal(addresses({ ...slide, encoding: "jpeg" }, urls)(wish), "/chunks?v=v1&level=1&blocks=4-7&channels=0");
  assert.deepEqual(codingOf(slide, wish), { encoding: "blosc", framed: true, offsets: [0, 0], size: [192, 128] });
});

test("a vendor's slide is a mosaic of one field whose chunks are the server's tiles", () => {
  const tiles = { size: 512, downsamples: [1, 2, 4] };
  const slide = asMosaic({ ...header(), kind: "vendor", width: 1300, height: 700, tiles, layers: 3 });
  const grid = blockGrid(slide, slide.levels[1]);
  assert.deepEqual([grid.columns, grid.rows, grid.perBatch, slide.layers], [2, 1, 1, 1]);
  const address = addresses(slide, { chunks: "", tiles: "/tile/" });
  assert.equal(address({ batch: 1, grid, channels: [0, 1, 2] }), "/tile/1/1/0.jpg?v=v1");
  assert.equal(codingOf(slide, { batch: 1, grid, channels: [0] }).framed, false);
});

test("a cut or foreign batch is refused", () => {
  const whole = [0x4e, 0x43, 0x42, 0x31, 1, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4];
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readFrames(new Uint8Array(whole.slice(0, length)).buffer), RangeError);
  }
  assert.throws(() => readFrames(new TextEncoder().encode("<html>an error page</html>").buffer), RangeError);
});

test("the camera puts the centre in the middle and turns clockwise", () => {
  const camera = new Camera({ centre: [100, 50], resolution: 2, rotation: Math.PI / 2, size: [200, 100] });
  assert.deepEqual(camera.clip(100, 50).map(Math.abs), [0, 0]);
  const [x, y] = camera.clip(120, 50); // 10 screen px to the right of the centre, turned: below it
  assert.ok(Math.abs(x) < 1e-12);
  assert.ok(Math.abs(y - -0.2) < 1e-12);
});

test("the camera finds its way back from the screen, and a moved channel is seen moved", () => {
  const camera = new Camera({ centre: [512.25, 99.5], resolution: 0.37, rotation: 0.7, size: [301, 200] });
  const [x, y] = camera.slide(...camera.screen(400, 120));
  assert.ok(Math.abs(x - 400) < 1e-9 && Math.abs(y - 120) < 1e-9);
  const moved = camera.moved(5, -3).screen(400, 120);
  assert.ok(camera.screen(405, 117).every((at, i) => Math.abs(at - moved[i]) < 1e-9));
  assert.equal(camera.moved(0, 0), camera);
});

test("an anchor is the texel under the middle of a screen pixel", () => {
  const camera = new Camera({ centre: [100, 50], resolution: 2, rotation: 0, size: [200, 100] });
  const { pivot, base } = camera.anchor([60, 40], [20, 10], 4);
  assert.deepEqual(pivot, [100.5, 44.5]); // the field's middle (100, 60) lies 5 px below the screen's
  assert.deepEqual(base, [(101 - 60) / 4, (61 - 40) / 4]);
});

test("the camera's steps undo its turn", () => {
  const camera = new Camera({ centre: [0, 0], resolution: 3, rotation: 0.7, size: [100, 100] });
  const { stepX, stepY } = camera.steps(1);
  const near = (found, wanted) => assert.ok(Math.hypot(found[0] - wanted[0], found[1] - wanted[1]) < 1e-9);
  near(camera.screen(...stepX), [51, 50]);
  near(camera.screen(...stepY), [50, 51]);
});

test("the scale bar is a round length that fits", () => {
  assert.deepEqual(scaleBar(0.5, 160), { label: "50 µm", px: 100 });
  assert.equal(scaleBar(16, 160).label, "2 mm");
  assert.ok(scaleBar(0.031, 160).px <= 160);
});

function loaderOf(options) {
  const asked = [];
  const got = [];
  const problems = [];
  const fetched = (url, init) => {
    asked.push(url);
    return options.fetch(url, init);
  };
  const loader = new BatchLoader({
    source: served(({ batch }) => `/chunks/${batch}`, fetched),
    decode: async (buffer) => [buffer],
    onBatch: ({ batch }) => got.push(batch),
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  const slide = header();
  const grid = blockGrid(slide, slide.levels[0]);
  return { loader, asked, got, problems, wish: (batch) => ({ batch, grid, channels: [0, 2] }) };
}

/** A server that answers when it is told to. */
function patient(answers) {
  return (url, { signal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      answers.push(() => resolve(new Response(new ArrayBuffer(8))));
    });
}

const soon = (ms = 5) => new Promise((done) => setTimeout(done, ms));

test("batches go out most wanted first, twelve at a time", () => {
  const { loader, asked, wish } = loaderOf({ fetch: patient([]) });
  const wanted = [3, 1, 2, 5, 4, 0, 7, 6, 13, 12, 11, 10, 9, 8];
  loader.want(wanted.map(wish));
  assert.deepEqual(asked, wanted.slice(0, 12).map((batch) => `/chunks/${batch}`));
});

test("what leaves the view is aborted, what stays is not asked for again", async () => {
  const answers = [];
  const { loader, asked, got, problems, wish } = loaderOf({ fetch: patient(answers) });
  loader.want([0, 1].map(wish));
  loader.want([1, 2].map(wish));
  assert.equal(asked.length, 3);
  answers.forEach((answer) => answer());
  await soon();
  assert.deepEqual(got.sort(), [1, 2]);
  assert.equal(loader.idle, true);
  assert.deepEqual(problems, []);
});

test("a batch that failed is asked for again, and the problem is told until it is over", async () => {
  let calls = 0;
  const answer = async () => new Response(null, { status: ++calls === 1 ? 503 : 200 });
  const { loader, got, problems, wish } = loaderOf({ fetch: answer });
  loader.want([wish(0)]);
  await soon(700);
  assert.deepEqual(problems, ["The server answered 503. Trying again by itself; what is painted stays.", null]);
  assert.deepEqual([calls, got], [2, [0]]);
});

test("a network that is gone is tried again; a cut batch too", async () => {
  let calls = 0;
  const answer = async () => {
    if (++calls === 1) throw new TypeError("Failed to fetch");
    return new Response(new ArrayBuffer(8));
  };
  const decode = async (buffer) => (calls === 2 ? Promise.reject(new RangeError("batch of chunks is cut")) : [buffer]);
  const { loader, got, problems, wish } = loaderOf({ fetch: answer, decode });
  loader.want([wish(0)]);
  await soon(1700);
  assert.deepEqual(got, [0]);
  assert.deepEqual([problems.length, problems.at(-1)], [3, null]);
  assert.match(problems[0], /cannot be reached/);
});

test("what the server refuses is not asked for again, and the view that leaves it forgets it", async () => {
  const { loader, asked, problems, wish } = loaderOf({ fetch: async () => new Response(null, { status: 403 }) });
  loader.want([wish(0)]);
  await soon(700);
  assert.equal(asked.length, 1);
  assert.match(problems[0], /may not see/);
  loader.want([]);
  assert.equal(problems.at(-1), null);
});
