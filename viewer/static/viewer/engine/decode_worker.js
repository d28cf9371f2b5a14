/**
 * @file A worker that turns a framed batch of stored chunks, Blosc or JPEG, into pixels.
 */

// @ts-ignore: resolved by the server's static files, not by the compiler; the package's types follow below
import BloscModule from "../../npm/numcodecs/dist/blosc.js";
import { readFrames } from "./frames.js";
import { planesOf } from "./samples.js";

const Blosc = /** @type {typeof import("numcodecs/blosc").default} */ (BloscModule);
const codec = Blosc.fromConfig({ id: "blosc" });

/** @param {Uint8Array} frame */
async function blosc(frame) {
  return /** @type {ArrayBuffer} */ ((await codec.decode(frame)).buffer);
}

/**
 * @param {Uint8Array} frame
 * @param {[number, number]} size of the chunk; the picture at the edge of a slide may be smaller
 */
async function jpeg(frame, [width, height]) {
  const file = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (frame)], { type: "image/jpeg" });
  const picture = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) {
    throw new Error("This browser cannot draw in a worker, which JPEG slides need.");
  }
  context.drawImage(picture, 0, 0);
  picture.close();
  return context.getImageData(0, 0, width, height).data;
}

/** @param {MessageEvent<{job: number, buffer: ArrayBuffer, coding: import("./samples.js").Coding}>} event */
async function decode({ data: { job, buffer, coding } }) {
  try {
    const planes = await planesOf(coding.framed ? readFrames(buffer) : [new Uint8Array(buffer)], coding, { blosc, jpeg });
    const owned = planes.filter((plane) => plane !== null);
    postMessage({ job, planes }, { transfer: owned });
  } catch (error) {
    postMessage({ job, error: String(error) });
  }
}

addEventListener("message", decode);
void codec.encode(new Uint8Array(64)); // compiles the module now, and not when the first chunk is there
