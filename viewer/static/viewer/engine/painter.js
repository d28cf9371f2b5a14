/**
 * @file All WebGL calls of the viewer: its programs, one quad, one texture array per block.
 */

import { along, nearest, Program, requireRoom, Shifter, Sums } from "./gl.js";
import { uniforms } from "./mixing.js";
import { interleave, PACK, packed } from "./packing.js";
import { fragment, resolve } from "./shader.js";

/** @typedef {import("../types.js").ChannelState} ChannelState */
/** @typedef {import("../types.js").ColourProfile} ColourProfile */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {[number, number, number]} Colour 0..1 */

/**
 * @typedef {object} BlockTexture
 * @property {WebGLTexture} texture layer = slot × packs + pack
 * @property {Set<number>} present channels uploaded
 */

/**
 * @typedef {object} Quad one part of a field on the screen
 * @property {WebGLTexture} texture
 * @property {number} layer first texture layer
 * @property {[number, number]} origin clip coordinates
 * @property {[number, number]} across
 * @property {[number, number]} down
 * @property {import("./camera.js").Anchor} anchor of its field
 * @property {import("./blocks.js").Part} part
 */

/**
 * @typedef {object} Sampling
 * @property {[number, number]} stepX texels per screen pixel, to the right
 * @property {[number, number]} stepY and down
 * @property {[number, number]} texels of a field
 * @property {number} taps
 * @property {boolean} smooth
 * @property {number} border texels; 0 for the pixels themselves
 */

const CURVE_STEPS = 1024;
const WHOLE = { origin: [-1, 1], across: [2, 0], down: [0, -2] };

export class Painter {
  #gl;
  #components;
  #wide;
  #profile;
  /** By what they are made for. @type {Map<string, Program>} */
  #programs = new Map();
  /** Of the channels that are painted now. @type {ReturnType<typeof uniforms>} */
  #look = uniforms([], []);
  /** Of the picture that was begun. */
  #asked = { profiled: false, sum: false };
  #sums;
  #shifter;
  /** What is painted now, of the whole canvas. @type {import("./keeping.js").Rect | null} */
  #rect = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {SlideHeader} header
   * @throws {Error} where the browser cannot paint this slide
   */
  constructor(canvas, header) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) {
      throw new Error("This browser has no WebGL 2, which the viewer paints with.");
    }
    requireRoom(gl, header);
    this.#gl = gl;
    this.#components = packed(header.channels.length).components;
    this.#wide = header.dtype === "uint16";
    this.#profile = header.profile?.matrix && header.profile.curves ? header.profile : null;
    ({ sums: this.#sums, shifter: this.#shifter } = this.#start());
  }

  #start() {
    const gl = this.#gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0); // `link` puts a_corner there
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#uploadCurves();
    this.#programs.clear();
    this.#program("resolve", () => resolve(false)); // now rather than in the middle: what cannot be made is known at once
    return { sums: new Sums(gl), shifter: new Shifter(gl) };
  }

  /** Makes everything anew: the graphics context was lost and is back. */
  restart() {
    ({ sums: this.#sums, shifter: this.#shifter } = this.#start());
  }

  /** Bytes of the pictures that sums are made in, and that the canvas is moved by. */
  get sumBytes() {
    return this.#sums.bytes + this.#shifter.bytes;
  }

  #uploadCurves() {
    const gl = this.#gl;
    const curves = this.#profile?.curves ?? [[0, 1], [0, 1], [0, 1]];
    const table = Float32Array.from({ length: 3 * CURVE_STEPS }, (_, i) =>
      along(curves[Math.floor(i / CURVE_STEPS)] ?? [0, 1], (i % CURVE_STEPS) / (CURVE_STEPS - 1)),
    );
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, CURVE_STEPS, 3, 0, gl.RED, gl.FLOAT, table);
    nearest(gl, gl.TEXTURE_2D);
    gl.activeTexture(gl.TEXTURE0);
  }

  /**
   * @param {BlockGrid} grid
   * @returns {BlockTexture}
   */
  allocate({ level, packs }) {
    const gl = this.#gl;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    const { stored } = this.#format();
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, stored, level.chunkWidth, level.chunkHeight, level.fieldsPerChunk * packs);
    nearest(gl, gl.TEXTURE_2D_ARRAY);
    return { texture, present: new Set() };
  }

  #format() {
    const gl = this.#gl;
    return {
      1: { stored: this.#wide ? gl.R16UI : gl.R8UI, given: gl.RED_INTEGER },
      2: { stored: this.#wide ? gl.RG16UI : gl.RG8UI, given: gl.RG_INTEGER },
      4: { stored: this.#wide ? gl.RGBA16UI : gl.RGBA8UI, given: gl.RGBA_INTEGER },
    }[this.#components];
  }

  /**
   * Uploads the channels of one pack of a block; those that are not given are 0.
   *
   * @param {BlockTexture} target
   * @param {BlockGrid} grid
   * @param {number} pack
   * @param {Map<number, ArrayBuffer>} planes by channel, each (fieldsPerChunk, chunkHeight, chunkWidth)
   */
  upload(target, { level, packs }, pack, planes) {
    const gl = this.#gl;
    const Samples = this.#wide ? Uint16Array : Uint8Array;
    const type = this.#wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
    const area = level.chunkWidth * level.chunkHeight;
    const given = Array.from({ length: PACK }, (_, i) => planes.get(PACK * pack + i)).map((plane) => plane && new Samples(plane));
    const slots = Math.min(level.fieldsPerChunk, Math.floor(Math.max(...given.map((plane) => plane?.length ?? 0)) / area));
    const texels = new Samples(this.#components * area);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, target.texture);
    for (let slot = 0; slot < slots; slot++) {
      interleave(given.map((plane) => plane?.subarray(slot * area, (slot + 1) * area)), this.#components, texels);
      gl.texSubImage3D(
        gl.TEXTURE_2D_ARRAY, 0, 0, 0, slot * packs + pack, level.chunkWidth, level.chunkHeight, 1,
        this.#format().given, type, texels,
      );
    }
    given.forEach((plane, i) => (plane ? target.present.add(PACK * pack + i) : target.present.delete(PACK * pack + i)));
  }

  /** @param {BlockTexture} block */
  release(block) {
    this.#gl.deleteTexture(block.texture);
  }

  /**
   * Moves what is on the canvas; what it leaves behind is to be painted.
   *
   * @param {[number, number]} by px to the right and down
   */
  move([right, down]) {
    if (right || down) {
      this.#shifter.move(right, down);
    }
  }

  /**
   * Of the canvas, what is painted from now on.
   *
   * @param {import("./keeping.js").Rect | null} rect null for all of it
   */
  within(rect) {
    const gl = this.#gl;
    this.#rect = rect;
    if (rect) {
      const [left, top, right, bottom] = rect;
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(left, gl.drawingBufferHeight - bottom, right - left, bottom - top);
    } else {
      gl.disable(gl.SCISSOR_TEST);
    }
  }

  /**
   * Begins a picture on the canvas, or one of several that are added up.
   *
   * @param {Colour} background
   * @param {boolean} profiled
   * @param {boolean} sum
   */
  begin(background, profiled, sum) {
    const gl = this.#gl;
    if (sum) {
      this.#sums.fit();
    } else {
      this.#sums.drop();
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, sum ? (this.#sums.pass?.frame ?? null) : null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.#asked = { profiled: profiled && this.#profile !== null, sum };
  }

  /**
   * @param {string} name
   * @param {() => string} text
   */
  #program(name, text) {
    const found = this.#programs.get(name) ?? new Program(this.#gl, text());
    this.#programs.set(name, found);
    return found;
  }

  /**
   * @param {Program} program
   * @param {boolean} profiled
   * @param {boolean} sum
   */
  #prepare(program, profiled, sum) {
    const gl = this.#gl;
    program.use();
    if (profiled) {
      gl.uniform1i(program.at("u_curves"), 1);
      gl.uniformMatrix3fv(program.at("u_to_srgb"), true, this.#profile?.matrix ?? [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    }
    gl.uniform1i(program.at("u_sum"), sum ? 1 : 0);
  }

  /**
   * @param {readonly ChannelState[]} channels
   * @param {readonly number[]} indices
   * @param {Picture} picture
   */
  show(channels, indices, picture) {
    this.#look = uniforms(channels, indices, picture);
  }

  /**
   * Paints quads of one zoom layer, the first lowest.
   *
   * @param {readonly Quad[]} quads
   * @param {Sampling} sampling
   */
  paint(quads, sampling) {
    const gl = this.#gl;
    if (!quads.length) {
      return;
    }
    const program = this.#ready(sampling.taps > 1 ? "mean" : sampling.smooth ? "smooth" : "nearest");
    const at = (/** @type {string} */ name) => program.at(name);
    gl.uniform2f(at("u_step_x"), ...sampling.stepX);
    gl.uniform2f(at("u_step_y"), ...sampling.stepY);
    gl.uniform2f(at("u_texels"), ...sampling.texels);
    gl.uniform1i(at("u_taps"), sampling.taps);
    gl.uniform1f(at("u_border"), sampling.border);
    for (const { texture, layer, anchor, part, ...corners } of quads) {
      if (!this.#meets(corners)) {
        continue;
      }
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.uniform1i(at("u_slot"), layer);
      gl.uniform2f(at("u_pivot"), ...anchor.pivot);
      gl.uniform2f(at("u_base"), ...anchor.base);
      gl.uniform4f(at("u_part"), part.left, part.top, part.right, part.bottom);
      this.#draw(program, corners);
    }
  }

  /**
   * The program for the picture that was begun and the channels that are shown.
   *
   * @param {"nearest" | "smooth" | "mean"} sampling
   */
  #ready(sampling) {
    const gl = this.#gl;
    const { packs, low, high, gamma, curved, mixer } = this.#look;
    const { profiled, sum } = this.#asked;
    const use = { packs: packs.length, sampling, curved, profiled };
    const program = this.#program(JSON.stringify(use), () => fragment(use));
    this.#prepare(program, profiled, sum);
    gl.uniform1i(program.at("u_pixels"), 0);
    gl.uniform1iv(program.at("u_pack"), packs);
    gl.uniform4fv(program.at("u_low"), low);
    gl.uniform4fv(program.at("u_high"), high);
    gl.uniform4fv(program.at("u_gamma"), gamma);
    gl.uniformMatrix4x3fv(program.at("u_mixer"), false, mixer);
    return program;
  }

  /**
   * Whether a quad touches what is painted now.
   *
   * @param {{origin: [number, number], across: [number, number], down: [number, number]}} corners clip coordinates
   */
  #meets({ origin, across, down }) {
    if (!this.#rect) {
      return true;
    }
    const [left, top, right, bottom] = this.#rect;
    const { drawingBufferWidth: width, drawingBufferHeight: height } = this.#gl;
    const x = origin[0] + Math.min(0, across[0]) + Math.min(0, down[0]);
    const y = origin[1] + Math.max(0, across[1]) + Math.max(0, down[1]);
    const wide = Math.abs(across[0]) + Math.abs(down[0]);
    const high = Math.abs(across[1]) + Math.abs(down[1]);
    const [atX, atY] = [((x + 1) / 2) * width, ((1 - y) / 2) * height];
    return atX < right && atY < bottom && atX + (wide / 2) * width > left && atY + (high / 2) * height > top;
  }

  /**
   * @param {Program} program
   * @param {{origin: number[], across: number[], down: number[]}} corners
   */
  #draw(program, { origin, across, down }) {
    const gl = this.#gl;
    gl.uniform2fv(program.at("u_origin"), origin);
    gl.uniform2fv(program.at("u_across"), across);
    gl.uniform2fv(program.at("u_down"), down);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /**
   * Adds what was painted since `begin` to the sum.
   *
   * @param {boolean} first of the frame: the sum is emptied before
   */
  add(first) {
    const gl = this.#gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#sums.all?.frame ?? null);
    if (first) {
      gl.clearColor(0, 0, 0, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    this.#copy(this.#sums.pass?.picture ?? null, false, true);
    gl.disable(gl.BLEND);
  }

  /**
   * Puts the sum on the canvas.
   *
   * @param {boolean} profiled
   */
  finish(profiled) {
    this.#gl.bindFramebuffer(this.#gl.FRAMEBUFFER, null);
    this.#copy(this.#sums.all?.picture ?? null, profiled && this.#profile !== null, false);
  }

  /**
   * @param {WebGLTexture | null} picture
   * @param {boolean} profiled
   * @param {boolean} sum
   */
  #copy(picture, profiled, sum) {
    const gl = this.#gl;
    const program = this.#program(profiled ? "resolve by profile" : "resolve", () => resolve(profiled));
    this.#prepare(program, profiled, sum);
    gl.bindTexture(gl.TEXTURE_2D, picture);
    gl.uniform1i(program.at("u_picture"), 0);
    this.#draw(program, WHOLE);
  }
}
