// Canvases as sharp as the screen, and what all drawings share: bytes, colors, numbers and ticks.

export const at = (id) => document.getElementById(id);

export function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// ------------------------------------------------------------------------------------------------ canvases

/* Return the context of an empty canvas, in CSS pixels, with as many device pixels as its place on the screen. */
export function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  const [across, up] = [width, height].map((length) => Math.max(1, Math.round(length * ratio)));
  if (canvas.width !== across || canvas.height !== up) Object.assign(canvas, { width: across, height: up });
  const ink = canvas.getContext("2d");
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  return { ink, width, height, ratio };
}

/* Call draw when the size of one of the canvases, the pixel ratio or the color scheme has changed. */
export function watch(canvases, draw) {
  let due = 0;
  const soon = () => { due ||= requestAnimationFrame(() => { due = 0; look = null; draw(); }); };
  const observer = new ResizeObserver(soon);
  for (const canvas of canvases) {
    try {
      observer.observe(canvas, { box: "device-pixel-content-box" }); // also when the window moves to another screen
    } catch { // Safari
      observer.observe(canvas);
    }
  }
  for (const change of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(change).addEventListener("change", soon);
  }
}

let look = null;

/* Return the colors of the style sheet, and the size of text, in pixels. */
export function theme() {
  if (look) return look;
  const style = getComputedStyle(document.body);
  look = { font: parseFloat(style.fontSize), family: style.fontFamily };
  for (const name of ["paper", "panel", "ink", "quiet", "line", "accent", "ring", "positive", "zero", "negative"]) {
    look[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return look;
}

export function forgetTheme() {
  look = null;
}

// ------------------------------------------------------------------------------------------- bytes and colors

export function bytes(text) {
  const letters = atob(text), values = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) values[i] = letters.charCodeAt(i);
  return values;
}

export const rgb = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
export const mix = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);
export const css = (color) => `rgb(${color.map(Math.round).join(" ")})`;

/* Return 256 pixels, in the format of ImageData, of the colors from 0 to 1. */
export function scale(colorOf) {
  const values = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i++) values.set([...colorOf(i / 255), 255], 4 * i);
  return new Uint32Array(values.buffer);
}

/* Return the color of a value from -1 to 1, as three numbers. */
export function signColor(value) {
  const end = rgb(theme()[value < 0 ? "negative" : "positive"]);
  return mix(rgb(theme().zero), end, Math.min(1, Math.abs(value)));
}

/* Return the scale of values from low to high, in which 0 has no color. */
export function signs(low = -1, high = 1) {
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return scale((t) => signColor((low + t * (high - low)) / most));
}

const scratch = document.createElement("canvas");

/* Draw square images of pixels, which stand below each other, whose rows are given from the top, into [x, y, size]. */
export function place(ink, pixels, side, squares) {
  const height = side * squares.length;
  if (scratch.width !== side || scratch.height !== height) Object.assign(scratch, { width: side, height });
  scratch.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), side, height), 0, 0);
  squares.forEach(([x, y, size], i) => ink.drawImage(scratch, 0, i * side, side, side, x, y, size, size));
}

// ------------------------------------------------------------------------------------------ numbers and ticks

/* Return a number as short text: three digits, or as many as asked for. */
export function short(value, digits = 3) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e5 || size < 1e-4)
    ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e")
    : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

export const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/* Return a name of an input as it is written by hand: x1^2 as x₁². */
export function written(name) {
  return name.replace(/\b([xz])([12])\b/g, (_, letter, digit) => `${letter}${"₁₂"[digit - 1]}`).replaceAll("^2", "²").replaceAll(" * ", " ").replaceAll("pi ", "π");
}

export const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)}%`);

/* Return round numbers from low to high, about as many as asked for. */
export function ticks(low, high, many) {
  const rough = (high - low) / Math.max(1, many), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9) || 0; i * step <= high + 1e-9 * step; i++) found.push(i === 0 ? 0 : i * step);
  return found;
}

/* Return the powers of ten from low to high, and where they are few also twice and five times these. */
export function logTicks(low, high, many) {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((to - from) / many));
  const factors = to - from <= 2 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = from; power <= to; power++) {
    if ((power - from) % every && every > 1) continue;
    for (const factor of factors) found.push(factor * 10 ** power);
  }
  return found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}
