/**
 * @file All WebGL calls of the viewer: one program, one quad, one texture array per block.
 */

import { FRAGMENT, uniforms, VERTEX } from "./shader.js";

/** @typedef {import("../types.js").ChannelState} ChannelState */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */

/**
 * @typedef {object} BlockTexture
 * @property {WebGLTexture} texture layer = slot × channels + channel
 * @property {Set<number>} present channels uploaded
 */

/**
 * @typedef {object} Quad one part of a field on the screen
 * @property {WebGLTexture} texture
 * @property {number} layer first texture layer
 * @property {[number, number]} origin clip coordinates
 * @property {[number, number]} across
 * @property {[number, number]} down
 * @property {number} width texels
 * @property {number} height
 */

/**
 * @typedef {object} Sampling
 * @property {[number, number]} stepX texels per screen pixel, to the right
 * @property {[number, number]} stepY and down
 * @property {number} taps
 * @property {boolean} smooth
 * @property {number} border texels
 */

export class Painter {
  #gl;
  #program;
  #channels;
  #wide;
  /** @type {Map<string, WebGLUniformLocation | null>} */
  #places = new Map();

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} channels
   * @param {boolean} wide 16-bit samples
   * @throws {Error} without WebGL 2
   */
  constructor(canvas, channels, wide) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) {
      throw new Error("This browser has no WebGL 2, which the viewer paints with.");
    }
    this.#gl = gl;
    this.#channels = channels;
    this.#wide = wide;
    this.#program = link(gl);
    const quad = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, quad);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(this.#program, "a_corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  }

  get lost() {
    return this.#gl.isContextLost();
  }

  /** @param {string} name */
  #at(name) {
    if (!this.#places.has(name)) {
      this.#places.set(name, this.#gl.getUniformLocation(this.#program, name));
    }
    return this.#places.get(name) ?? null;
  }

  /**
   * @param {BlockGrid} grid
   * @returns {BlockTexture}
   */
  allocate({ level }) {
    const gl = this.#gl;
    const texture = gl.createTexture();
    const layers = level.fieldsPerChunk * this.#channels;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    const format = this.#wide ? gl.R16UI : gl.R8UI;
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, format, level.chunkWidth, level.chunkHeight, layers);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return { texture, present: new Set() };
  }

  /**
   * Uploads one channel of a block.
   *
   * @param {BlockTexture} target
   * @param {BlockGrid} grid
   * @param {number} channel
   * @param {ArrayBuffer} plane (fieldsPerChunk, chunkHeight, chunkWidth)
   */
  upload(target, { level }, channel, plane) {
    const gl = this.#gl;
    const pixels = this.#wide ? new Uint16Array(plane) : new Uint8Array(plane);
    const type = this.#wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
    const area = level.chunkWidth * level.chunkHeight;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, target.texture);
    for (let slot = 0; slot < Math.min(level.fieldsPerChunk, Math.floor(pixels.length / area)); slot++) {
      gl.texSubImage3D(
        gl.TEXTURE_2D_ARRAY, 0, 0, 0, slot * this.#channels + channel, level.chunkWidth, level.chunkHeight, 1,
        gl.RED_INTEGER, type, pixels, slot * area,
      );
    }
    target.present.add(channel);
  }

  /** @param {BlockTexture} block */
  release(block) {
    this.#gl.deleteTexture(block.texture);
  }

  /**
   * Clears the canvas and sets what holds for the whole frame.
   *
   * @param {[number, number, number]} background 0..1
   * @param {readonly ChannelState[]} channels
   */
  begin(background, channels) {
    const gl = this.#gl;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.#program);
    const { window, gamma, mixer } = uniforms(channels);
    gl.uniform1i(this.#at("u_pixels"), 0);
    gl.uniform1i(this.#at("u_channels"), this.#channels);
    gl.uniform2fv(this.#at("u_window"), window);
    gl.uniform1fv(this.#at("u_gamma"), gamma);
    gl.uniform3fv(this.#at("u_mixer"), mixer);
  }

  /**
   * Paints quads of one zoom layer, the first lowest.
   *
   * @param {readonly Quad[]} quads
   * @param {Sampling} sampling
   */
  paint(quads, sampling) {
    const gl = this.#gl;
    gl.uniform2f(this.#at("u_step_x"), ...sampling.stepX);
    gl.uniform2f(this.#at("u_step_y"), ...sampling.stepY);
    gl.uniform1i(this.#at("u_taps"), sampling.taps);
    gl.uniform1i(this.#at("u_smooth"), sampling.smooth ? 1 : 0);
    gl.uniform1f(this.#at("u_border"), sampling.border);
    for (const quad of quads) {
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, quad.texture);
      gl.uniform1i(this.#at("u_slot"), quad.layer);
      gl.uniform2f(this.#at("u_texels"), quad.width, quad.height);
      gl.uniform2f(this.#at("u_origin"), ...quad.origin);
      gl.uniform2f(this.#at("u_across"), ...quad.across);
      gl.uniform2f(this.#at("u_down"), ...quad.down);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @returns {WebGLProgram}
 */
function link(gl) {
  const program = gl.createProgram();
  for (const [type, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
    const shader = gl.createShader(type);
    if (!shader) {
      throw new Error("The graphics context was lost.");
    }
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`The shader does not compile here: ${gl.getProgramInfoLog(program) ?? ""}`);
  }
  return program;
}
