// Draws the plane: what the network predicts, or the response of one unit, with axes, examples and a cross.

import { begin, bytes, clip, css, mix, place, rgb, scale, short, signColor, signs, theme, ticks, written } from "./canvas.js";
import { classPixels, valuePixels } from "./grid.js";
import { PART_SHAPES, Symbols } from "./symbols.js";

const FINEST = 480; // pixels of an image of the plane along a side; the browser enlarges it smoothly
const MANY = 10; // classes that colors alone tell apart
const STEPS = 32; // colors of examples by value

/* The plane of one network, on one canvas. box is the square that shows the extent, in CSS pixels. */
export class Plane {
  constructor(canvas) {
    this.canvas = canvas;
    this.symbols = new Symbols();
    this.box = null;
    this.cross = null; // where the keyboard is, in the units of the data
    this.chosen = null; // the index of the example that is chosen
  }

  /* Return the pixel of a point, and the point of a pixel. */
  toPixel([x, y]) {
    const [left, top, size] = this.box, [[low, high], [bottom, up]] = this.extent;
    return [left + (x - low) / (high - low) * size, top + (up - y) / (up - bottom) * size];
  }

  toPoint([across, down]) {
    const [left, top, size] = this.box, [[low, high], [bottom, up]] = this.extent;
    return [low + (across - left) / size * (high - low), up - (down - top) / size * (up - bottom)];
  }

  get radius() {
    const many = Math.sqrt(300 / Math.max(300, this.state.points.length));
    return Math.max(2, Math.min(8, this.box[2] / 105 * many));
  }

  /* Draw a frame of a network. `how` has: discretize, hidden (parts of the examples), unit (a response to show). */
  draw(state, frame, how) {
    const { ink, width, height, ratio } = begin(this.canvas);
    const look = theme(), text = Math.round(0.8 * look.font);
    this.state = state;
    this.extent = state.extent;
    const left = 3.1 * text, bottom = 1.9 * text, edge = 0.6 * text, right = frame.values && !frame.curve ? 4.5 * text : edge;
    const top = 1.5 * text;
    const size = Math.max(20, Math.floor(Math.min(width - left - right, height - bottom - top)));
    const slack = Math.max(0, width - left - right - size) / 2;
    this.box = [Math.round(left + slack), Math.round(Math.max(top, (height - bottom - size) / 2)), size];
    const [x, y] = this.box;
    const fine = Math.min(FINEST, Math.round(size * ratio));
    if (how.unit) this.drawResponse(ink, how.unit, fine);
    else if (frame.curve) this.grid = null;
    else if (frame.values) this.drawValues(ink, frame, fine);
    else this.drawClasses(ink, state, frame, fine, how.discretize);
    ink.strokeStyle = look.line;
    ink.lineWidth = 1;
    ink.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1);
    this.drawAxes(ink, text);
    if (frame.values && !frame.curve) this.drawScale(ink, text, state.range);
    const started = frame.epoch > 0 || frame.batches > 0;
    const wrong = started && !how.unit ? frame.wrong : []; // initial weights are wrong by chance
    ink.save();
    ink.beginPath();
    ink.rect(x, y, size, size);
    ink.clip();
    this.symbols.all(ink, ratio, this.radius, this.looks(state), (point) => this.toPixel(point), wrong ?? [], how.hidden);
    if (frame.curve && !how.unit) this.drawCurve(ink, frame.curve);
    this.drawChosen(ink);
    ink.restore();
  }

  /* Return the state; in a regression with a color for each value in place of one for each class. */
  looks(state) {
    if (state.task !== "regression" || state.features.length === 1) return state;
    const key = `${state.build} ${theme().paper}`;
    if (key !== this.valued?.key) {
      const [low, high] = state.range, most = Math.max(Math.abs(low), Math.abs(high)) || 1;
      const colours = Array.from({ length: STEPS }, (_, i) => css(signColor((low + i / (STEPS - 1) * (high - low)) / most)));
      const step = (value) => Math.round((value - low) / (high - low || 1) * (STEPS - 1));
      const labels = state.values.map((value) => Math.max(0, Math.min(STEPS - 1, step(value))));
      this.valued = { ...state, key, valued: true, labels, colours, shapes: PART_SHAPES };
    }
    return { ...this.valued, points: state.points };
  }

  drawCurve(ink, curve) {
    ink.beginPath();
    const [low, high] = this.extent[0];
    curve.forEach((value, i) => ink.lineTo(...this.toPixel([low + i / (curve.length - 1) * (high - low), value])));
    ink.strokeStyle = theme().paper;
    ink.lineWidth = 6;
    ink.stroke();
    ink.strokeStyle = theme().ink;
    ink.lineWidth = 3;
    ink.stroke();
  }

  drawValues(ink, frame, fine) {
    const values = bytes(frame.values);
    this.grid = { values, range: this.state.range, side: frame.side };
    place(ink, valuePixels(values, frame.side, fine, signs(...this.state.range)), fine, [this.box]);
  }

  /* Draw what the colors mean, at the right of the plane. */
  drawScale(ink, text, [low, high]) {
    const [x, y, size] = this.box, left = x + size + 0.7 * text, wide = 0.8 * text, look = theme();
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
    for (let row = 0; row < size; row++) {
      ink.fillStyle = css(signColor((high - row / size * (high - low)) / most));
      ink.fillRect(left, y + row, wide, 1.5);
    }
    ink.fillStyle = look.quiet;
    ink.textAlign = "left";
    ink.textBaseline = "middle";
    for (const value of ticks(low, high, Math.max(2, size / (5 * text)))) {
      ink.fillText(short(value), left + wide + 0.3 * text, y + size * (1 - (value - low) / (high - low || 1)));
    }
  }

  drawClasses(ink, state, frame, fine, discretize) {
    const paper = rgb(theme().paper);
    const color = (i) => {
      const own = rgb(state.colours[i % state.colours.length]);
      return i < state.colours.length ? own : mix(own, rgb(theme().ink), 0.4); // a color's second class is darker
    };
    const scales = state.classes.map((_, i) => scale((t) => mix(paper, color(i), 0.12 + 0.55 * t)));
    const lead = Float32Array.from(bytes(frame.lead), (root) => root * root);
    const grid = { labels: bytes(frame.labels), strength: bytes(frame.strength), lead };
    this.grid = { ...grid, side: frame.side };
    place(ink, classPixels(grid, frame.side, fine, scales, discretize), fine, [this.box]);
    if (state.classes.length > MANY) this.nameRegions(ink, state);
  }

  /* Write the names of classes into their regions. */
  nameRegions(ink, state) {
    const [x, y, size] = this.box, look = theme(), text = Math.round(0.75 * look.font), step = size / Math.round(size / (3.2 * text));
    ink.font = `600 ${text}px ${look.family}`;
    ink.fillStyle = look.ink;
    ink.globalAlpha = 0.6;
    ink.textAlign = "center";
    ink.textBaseline = "middle";
    const last = this.grid.side - 1;
    for (let across = step / 2; across < size; across += step) {
      for (let down = step / 2; down < size; down += step) {
        const i = Math.round((1 - down / size) * last) * (last + 1) + Math.round(across / size * last);
        ink.fillText(clip(state.classes[this.grid.labels[i]], 4), x + across, y + down);
      }
    }
    ink.globalAlpha = 1;
  }

  drawResponse(ink, unit, fine) {
    const colors = signs(unit.low, unit.high);
    place(ink, valuePixels(bytes(unit.bytes), unit.side, fine, colors, unit.start ?? 0), fine, [this.box]);
  }

  drawAxes(ink, text) {
    const look = theme(), [x, y, size] = this.box, [[left, right], [bottom, top]] = this.extent;
    ink.font = `${text}px ${look.family}`;
    ink.fillStyle = look.quiet;
    ink.strokeStyle = look.quiet;
    ink.beginPath();
    const many = Math.max(2, size / (5 * text));
    const named = (value, step) => short(Math.abs(value) < step * 1e-6 ? 0 : value, 4);
    const across = ticks(left, right, many), up = ticks(bottom, top, many);
    const [name, other] = [...this.state.features, ...this.state.outputs].map((each) => clip(written(each), 24));
    const end = x + size - ink.measureText(name).width - 0.8 * text;
    ink.textAlign = "left";
    ink.textBaseline = "bottom";
    ink.fillText(other, x, y - 0.2 * text);
    ink.textAlign = "right";
    ink.textBaseline = "top";
    ink.fillText(name, x + size, y + size + 0.5 * text);
    ink.textAlign = "center";
    ink.textBaseline = "top";
    for (const value of across) {
      const place_ = this.toPixel([value, bottom])[0];
      ink.moveTo(place_, y + size); ink.lineTo(place_, y + size + 4);
      const title = named(value, right - left);
      if (place_ + ink.measureText(title).width / 2 < end) ink.fillText(title, place_, y + size + 0.5 * text);
    }
    ink.textAlign = "right";
    ink.textBaseline = "middle";
    for (const value of up) {
      const place_ = this.toPixel([left, value])[1];
      ink.moveTo(x, place_); ink.lineTo(x - 4, place_);
      ink.fillText(named(value, top - bottom), x - 0.6 * text, place_);
    }
    ink.stroke();
  }

  drawChosen(ink) {
    const look = theme(), r = this.radius;
    ink.strokeStyle = look.ring;
    ink.lineWidth = 2;
    if (this.chosen !== null && this.state.points[this.chosen]) {
      const [x, y] = this.toPixel(this.state.points[this.chosen]);
      ink.setLineDash([3, 3]);
      ink.strokeRect(x - 2.2 * r, y - 2.2 * r, 4.4 * r, 4.4 * r);
      ink.setLineDash([]);
    }
    if (!this.cross || document.activeElement !== this.canvas) return;
    const [x, y] = this.toPixel(this.cross);
    ink.beginPath();
    ink.moveTo(x - 10, y); ink.lineTo(x + 10, y);
    ink.moveTo(x, y - 10); ink.lineTo(x, y + 10);
    ink.stroke();
  }

  /* Return what the network says at a point, in words; "" where that is not known. */
  says([px, py]) {
    const [[left, right], [bottom, top]] = this.extent;
    const across = (px - left) / (right - left), up = (py - bottom) / (top - bottom);
    if (across < 0 || across > 1 || up < 0 || up > 1) return "";
    const where = `${this.state.features.map((name, i) => `${name} ${short([px, py][i])}`).join(", ")}`;
    if (!this.grid) return where;
    const last = this.grid.side - 1;
    const i = Math.round(up * last) * (last + 1) + Math.round(across * last);
    if (this.grid.labels) return `${where}: class ${this.state.classes[this.grid.labels[i]]}`;
    const [low, high] = this.grid.range;
    return `${where}: ${short(low + this.grid.values[i] / 255 * (high - low))}`;
  }
}
