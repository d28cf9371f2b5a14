// Chunks by byte ranges of the slide's own file. Run by `node --test tests/js/`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { completed } from "../../viewer/static/viewer/engine/abbreviated.js";
import { blockGrid } from "../../viewer/static/viewer/engine/blocks.js";
import { readFrames, writeFrames } from "../../viewer/static/viewer/engine/frames.js";
import { BatchLoader } from "../../viewer/static/viewer/engine/loader.js";
import { chunksOf, ranges, readIndex, runsOf } from "../../viewer/static/viewer/engine/ranges.js";

const FILE = new Uint8Array(200_000).map((_, i) => (i * 7) % 251);

/** Two fields of 2 × 1 chunks and three channels; a coarser level whose one chunk a channel holds both fields. */
function header(encoding = "blosc") {
  const level = (downsample, chunkHeight, fieldsPerChunk) => ({
    downsample, width: 64 / downsample, height: 64 / downsample, chunkWidth: 64 / downsample, chunkHeight, fieldsPerChunk,
  });
  const fields = { width: 64, height: 64, x: [0, 60], y: [0, 0], z: [0, 0], t: [0, 0] };
  return { kind: "mosaic", encoding, dtype: "uint8", channels: [{}, {}, {}], levels: [level(1, 32, 1), level(8, 8, 2)], fields };
}

/** Chunk n lies at 1000 n and is as long as its number, so that the first is absent. */
function index(count, offsetOf = (n) => 1000 * n, sizeOf = (n) => n) {
  const view = new DataView(new ArrayBuffer(8 + 12 * count));
  view.setUint32(0, 0x3149534e, true);
  view.setUint32(4, count, true);
  for (let n = 0; n < count; n++) {
    view.setBigUint64(8 + 8 * n, BigInt(offsetOf(n)), true);
    view.setUint32(8 + 8 * count + 4 * n, sizeOf(n), true);
  }
  return view.buffer;
}

function host(asked, change = (response) => response) {
  return async (url, { headers }) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.Range).map(Number);
    asked.push([url, from, to]);
    const about = { status: 206, headers: { "Content-Range": `bytes ${from}-${to}/${FILE.length}` } };
    return change(new Response(FILE.slice(from, to + 1), about));
  };
}

const never = new AbortController().signal;
const file = { url: "../data/a.h5", bytes: FILE.length };

function wish(slide, level, batch, channels) {
  return { batch, channels, grid: { ...blockGrid(slide, slide.levels[level]), perBatch: 2 } };
}

test("the chunks of a batch are numbered as they are stored: group, channel, row, column, level after level", () => {
  const slide = header();
  assert.deepEqual(chunksOf(slide, wish(slide, 0, 0, [0, 2])), [0, 4, 1, 5]);
  assert.deepEqual(chunksOf(slide, wish(slide, 0, 1, [1])), [8, 9]);
  assert.deepEqual(chunksOf(slide, wish(slide, 1, 0, [0, 1, 2])), [12, 13, 14]);
  const jpeg = header("jpeg");
  assert.deepEqual(chunksOf(jpeg, wish(jpeg, 0, 1, [0, 1, 2])), [2, 3]);
  assert.deepEqual(chunksOf(jpeg, wish(jpeg, 1, 0, [0, 1, 2])), [4]);
});

test("chunks side by side come in one request, far ones in their own, absent ones in none", () => {
  const runs = runsOf([{ offset: 90_000, size: 10 }, { offset: 0, size: 5 }, { offset: 0, size: 0 }, { offset: 5, size: 7 }]);
  assert.deepEqual(runs.map(({ offset, end, places }) => [offset, end, places.map(({ at }) => at)]), [[0, 12, [1, 3]], [90_000, 90_010, [0]]]);
});

test("a batch is the stored bytes, in the order that the engine knows", async () => {
  const asked = [];
  const slide = header();
  const source = ranges(slide, file, index(15), host(asked));
  const frames = readFrames(await source(wish(slide, 0, 0, [0, 2]), never));
  assert.deepEqual(asked, [["../data/a.h5", 1000, 5004]]);
  assert.equal(frames[0], null);
  assert.deepEqual(frames.slice(1).map((frame) => [...frame]), [4, 1, 5].map((n) => [...FILE.slice(1000 * n, 1001 * n)]));
});

test("a host without byte ranges is refused at once and its answer is given up", async () => {
  const slide = header();
  const problems = [];
  let signal;
  const whole = async (_, init) => {
    signal = init.signal;
    return new Response(FILE);
  };
  const source = ranges(slide, file, index(15), whole);
  const loader = new BatchLoader({ source, decode: async () => [], onBatch: () => {}, onProblem: (text) => problems.push(text) });
  loader.want([wish(slide, 0, 0, [1])]);
  await new Promise((done) => setTimeout(done, 5));
  assert.match(problems[0], /whole files instead of parts/);
  assert.equal(signal.aborted, true);
});

test("another file, a shorter one and a cut answer are told apart", async () => {
  const slide = header();
  const asks = (change, about = file) => ranges(slide, about, index(15), host([], change))(wish(slide, 0, 0, [1]), never);
  await assert.rejects(asks((response) => response, { ...file, bytes: 9 }), /another than when/);
  await assert.rejects(asks(() => new Response(null, { status: 416 })), /shorter than when/);
  await assert.rejects(asks(() => new Response(null, { status: 404 })), /refuses a part of this slide \(404\)/);
  await assert.rejects(asks(() => new Response(FILE.slice(0, 3), { status: 206 })), /came cut/);
});

test("what leaves the view is aborted", async () => {
  const slide = header();
  const left = new AbortController();
  const hanging = (_, { signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(new Error("aborted"))));
  const waiting = ranges(slide, file, index(15), hanging)(wish(slide, 0, 0, [1]), left.signal);
  left.abort();
  await assert.rejects(waiting);
});

test("an index that is cut, of another slide or something else is refused", async () => {
  assert.throws(() => readIndex(new ArrayBuffer(4)), /not the index/);
  assert.throws(() => readIndex(index(3).slice(0, -1)), /cut/);
  assert.throws(() => readIndex(index(3))(3), /another slide/);
  assert.deepEqual(readIndex(index(3, () => 2 ** 40))(2), { offset: 2 ** 40, size: 2 });
});

test("frames that are written are read", () => {
  const frames = [new Uint8Array([1, 2, 3]), null, new Uint8Array([])];
  assert.deepEqual(readFrames(writeFrames(frames)), frames);
});

test("a tile without tables becomes one JPEG that says its colours", () => {
  const tables = btoa(String.fromCharCode(0xff, 0xd8, 0xff, 0xdb, 7, 0xff, 0xd9));
  const tile = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xda, 9]);
  const whole = [...completed({ tables, transform: 0 })(tile)];
  assert.deepEqual(whole.slice(0, 4), [0xff, 0xd8, 0xff, 0xee]);
  assert.equal(whole[17], 0);
  assert.deepEqual(whole.slice(18), [0xff, 0xdb, 7, 0xff, 0xda, 9]);
  assert.deepEqual([...completed({ tables: "", transform: 1 })(new Uint8Array([0xff, 0xd8, 5]))].slice(17), [1, 5]);
});
