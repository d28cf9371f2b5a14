/**
 * @file The one shader of the mosaic, and the same sums in JavaScript for tests and for the histogram.
 *
 * Intensity of a channel: ((l - low) / (high - low)) ^ gamma, clamped to 0..1. Colour: mixer (3 × n) × status (diagonal
 * 0 or 1) × intensities. The columns of the mixer are the channels' colours; a channel that is off has a zero column.
 */

/** @typedef {import("../types.js").ChannelState} ChannelState */

export const MAX_CHANNELS = 16;

export const VERTEX = `#version 300 es
uniform vec2 u_origin;   // clip position of the tile's top-left corner
uniform vec2 u_across;   // clip step over its width
uniform vec2 u_down;     // clip step over its height
uniform vec2 u_texels;   // its width and height in texels
in vec2 a_corner;
out vec2 v_texel;
void main() {
  v_texel = a_corner * u_texels;
  gl_Position = vec4(u_origin + a_corner.x * u_across + a_corner.y * u_down, 0.0, 1.0);
}`;

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2DArray;
uniform usampler2DArray u_pixels;
uniform int u_channels;
uniform int u_slot;      // first layer of this field in the texture
uniform vec2 u_texels;
uniform vec2 u_step_x;   // texels per screen pixel, to the right
uniform vec2 u_step_y;   // and down
uniform int u_taps;      // samples per axis when minified
uniform bool u_smooth;   // interpolate when a coarse layer is magnified
uniform float u_border;  // width of the field's border in texels, 0 for none
uniform vec2 u_window[${MAX_CHANNELS}];
uniform float u_gamma[${MAX_CHANNELS}];
uniform vec3 u_mixer[${MAX_CHANNELS}];
in vec2 v_texel;
out vec4 o_colour;

float at(ivec2 place, int layer) {
  return float(texelFetch(u_pixels, ivec3(clamp(place, ivec2(0), ivec2(ceil(u_texels)) - 1), layer), 0).r);
}

float interpolated(vec2 texel, int layer) {
  vec2 corner = floor(texel - 0.5);
  vec2 share = texel - 0.5 - corner;
  ivec2 place = ivec2(corner);
  float top = mix(at(place, layer), at(place + ivec2(1, 0), layer), share.x);
  float bottom = mix(at(place + ivec2(0, 1), layer), at(place + ivec2(1, 1), layer), share.x);
  return mix(top, bottom, share.y);
}

float averaged(vec2 texel, int layer) {
  float sum = 0.0;
  for (int row = 0; row < u_taps; row++) {
    for (int column = 0; column < u_taps; column++) {
      vec2 offset = (vec2(column, row) + 0.5) / float(u_taps) - 0.5;
      sum += at(ivec2(floor(texel + offset.x * u_step_x + offset.y * u_step_y)), layer);
    }
  }
  return sum / float(u_taps * u_taps);
}

void main() {
  vec3 colour = vec3(0.0);
  for (int channel = 0; channel < u_channels; channel++) {
    if (u_mixer[channel] == vec3(0.0)) continue;
    int layer = u_slot + channel;
    float value = u_taps > 1 ? averaged(v_texel, layer)
      : u_smooth ? interpolated(v_texel, layer)
      : at(ivec2(floor(v_texel)), layer);
    vec2 window = u_window[channel];
    float share = clamp((value - window.x) / (window.y - window.x), 0.0, 1.0);
    colour += u_mixer[channel] * pow(share, u_gamma[channel]);
  }
  vec2 edge = min(v_texel, u_texels - v_texel);
  if (u_border > 0.0 && min(edge.x, edge.y) < u_border) colour = vec3(0.2, 0.85, 0.75);
  o_colour = vec4(min(colour, 1.0), 1.0);
}`;

/**
 * @param {string} colour "#rrggbb"
 * @returns {[number, number, number]} 0..1
 */
export function rgb(colour) {
  const digits = /^#[0-9a-f]{6}$/i.test(colour) ? colour.slice(1) : "ffffff";
  const part = (/** @type {number} */ at) => parseInt(digits.slice(at, at + 2), 16) / 255;
  return [part(0), part(2), part(4)];
}

/**
 * The shader's sum for one pixel.
 *
 * @param {readonly number[]} values one raw intensity per channel
 * @param {readonly ChannelState[]} channels
 * @returns {[number, number, number]} 0..255
 */
export function mix(values, channels) {
  /** @type {[number, number, number]} */
  const sum = [0, 0, 0];
  channels.forEach((channel, i) => {
    if (!channel.shown) {
      return;
    }
    const share = Math.min(1, Math.max(0, ((values[i] ?? 0) - channel.low) / Math.max(1, channel.high - channel.low)));
    const intensity = share ** channel.gamma;
    rgb(channel.colour).forEach((part, c) => {
      sum[c] = (sum[c] ?? 0) + part * intensity;
    });
  });
  return [level(sum[0]), level(sum[1]), level(sum[2])];
}

/** @param {number} share */
function level(share) {
  return Math.round(Math.min(1, share) * 255);
}

/**
 * Uniform arrays of a paint state.
 *
 * @param {readonly ChannelState[]} channels
 */
export function uniforms(channels) {
  const window = new Float32Array(2 * MAX_CHANNELS);
  const gamma = new Float32Array(MAX_CHANNELS).fill(1);
  const mixer = new Float32Array(3 * MAX_CHANNELS);
  channels.slice(0, MAX_CHANNELS).forEach((channel, i) => {
    window.set([channel.low, Math.max(channel.low + 1, channel.high)], 2 * i);
    gamma[i] = channel.gamma;
    mixer.set(channel.shown ? rgb(channel.colour) : [0, 0, 0], 3 * i);
  });
  return { window, gamma, mixer };
}
