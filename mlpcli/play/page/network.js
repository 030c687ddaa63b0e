// Draws the network: each unit as a small picture of its output over the plane, in layers, and the weights as edges.

import { begin, bytes, clip, css, make, mix, place, rgb, signs, theme, written } from "./canvas.js";
import { symbol } from "./symbols.js";

const MOST_EDGES = 1500; // the strongest ones
const WIDTHS = 7; // edges are drawn in so many widths
const LARGEST = 46, SMALLEST = 9, GAP = 3; // pixels of a unit's picture along a side, and between two

/* The drawing of the network; `page` has: card, the element with the numbers of a unit, choose(unit or null), pin(unit), resize(sizes). A unit is [layer, number]. */
export class NetworkView {
  constructor(canvas, edges, units, heads, page) {
    Object.assign(this, { canvas, edges, units, heads, page, buttons: new Map(), shape: "", unit: null, pinned: null });
    units.addEventListener("keydown", (event) => this.key(event));
    units.addEventListener("pointerleave", () => page.choose(null));
    units.addEventListener("focusout", (event) => {
      if (!page.card.contains(event.relatedTarget)) page.choose(null);
    });
    page.card.addEventListener("focusout", (event) => {
      if (!page.card.contains(event.relatedTarget)) page.choose(null);
    });
  }

  /* Return the squares of all units, layer by layer, and the size of the gap between layers. */
  layout(shown, width, height) {
    const scale = theme().font / 15, gap = GAP, edge = 4;
    const left = this.labelRoom(0), right = this.labelRoom(1);
    const columns = shown.map((n) => ({ n, size: Math.round(LARGEST * scale), across: 1 }));
    const fit = (column) => {
      const up = Math.max(1, Math.floor((height - 2 * edge + gap) / (column.size + gap)));
      column.across = Math.ceil(column.n / up);
      column.width = column.across * (column.size + gap) - gap;
    };
    columns.forEach((column, i) => {
      fit(column);
      while (column.across > 1 && column.size > SMALLEST && (i === 0 || i === columns.length - 1)) { // names stand beside it
        column.size -= 1;
        fit(column);
      }
    });
    const room = width - left - right - (columns.length - 1) * 30;
    for (;;) {
      const total = columns.reduce((sum, column) => sum + column.width, 0);
      const widest = columns.filter((column) => column.size > SMALLEST)
        .reduce((most, column) => (!most || column.width > most.width || (column.width === most.width && column.size > most.size) ? column : most), null);
      const crowded = columns.find((column) => column.across > 2 && column.size > 24 * scale);
      if (total > room && widest) { widest.size -= 1; fit(widest); }
      else if (crowded) { crowded.size -= 1; fit(crowded); }
      else break;
    }
    const total = columns.reduce((sum, column) => sum + column.width, 0);
    const between = columns.length > 1 ? (width - left - right - total) / (columns.length - 1) : 0;
    let x = left;
    return columns.map((column) => {
      const up = Math.ceil(column.n / column.across), step = column.size + gap;
      const spread = column.across === 1 ? Math.min(column.size * 0.7, Math.max(0, (height - 2 * edge - up * step) / up)) : 0;
      const tall = up * (step + spread) - gap - spread, top = (height - tall) / 2;
      const squares = Array.from({ length: column.n }, (_, i) => [
        x + (i % column.across) * step, top + Math.floor(i / column.across) * (step + spread), column.size]);
      const found = { squares, x, width: column.width };
      x += column.width + between;
      return found;
    });
  }

  labelRoom(side) {
    const { ink } = this.drawing, text = Math.round(0.8 * theme().font);
    ink.font = `${text}px ${theme().family}`;
    const names = side ? this.state.outputs : this.state.inputs.map(written);
    const most = Math.max(...names.slice(0, 20).map((name) => ink.measureText(clipped(name)).width));
    return most + text * (side && this.state.classes.length ? 2.2 : 0.8);
  }

  draw(state, network) {
    Object.assign(this, { state, network, drawing: begin(this.canvas) });
    const { ink, width, height } = this.drawing, shown = network.layers.map((layer) => layer.shown);
    this.columns = this.layout(shown, width, height);
    this.place(shown);
    network.layers.forEach((layer, index) => this.drawUnits(ink, layer, index));
    this.drawNames(ink);
  }

  /* Draw the weights, on a canvas of their own, since they take longer than the units. */
  drawEdges() {
    if (!this.network) return;
    const { ink } = begin(this.edges), look = theme(), edges = [];
    this.network.weights.forEach((rows, layer) => rows.forEach((row, i) => row.forEach((weight, j) => {
      edges.push([Math.abs(weight), weight, layer, i, j]);
    })));
    if (edges.length > MOST_EDGES) edges.sort((a, b) => b[0] - a[0]).length = MOST_EDGES;
    const paths = Array.from({ length: 2 * WIDTHS }, () => null);
    for (const [size, weight, layer, i, j] of edges) {
      const touched = this.unit && ((this.unit[0] === layer && this.unit[1] === i + 1)
        || (this.unit[0] === layer + 1 && this.unit[1] === j + 1));
      if (this.unit && !touched) continue;
      const [before, after] = [this.columns[layer], this.columns[layer + 1]];
      const [, y, side] = before.squares[i], [, v, other] = after.squares[j];
      const level = Math.min(WIDTHS - 1, Math.floor(WIDTHS * (1 - Math.exp(-size / 1.2))));
      const path = paths[2 * level + (weight > 0)] ??= new Path2D();
      const from = [before.x + before.width, y + side / 2], to = [after.x, v + other / 2], bend = (to[0] - from[0]) / 2;
      path.moveTo(...from);
      path.bezierCurveTo(from[0] + bend, from[1], to[0] - bend, to[1], ...to);
    }
    paths.forEach((path, i) => {
      if (!path) return;
      const level = i >> 1, t = (level + 0.5) / WIDTHS;
      ink.strokeStyle = css(mix(rgb(look.paper), rgb(look[i & 1 ? "positive" : "negative"]), 0.25 + 0.75 * t));
      ink.lineWidth = (0.5 + 4.5 * t) * look.font / 15;
      ink.stroke(path);
    });
  }

  drawUnits(ink, layer, index) {
    const look = theme(), colors = signs(), values = bytes(layer.bytes), side = this.network.side, { squares } = this.columns[index];
    const scaled = new Uint32Array(256), pixels = new Uint32Array(side * side * squares.length);
    for (let unit = 0; unit < squares.length; unit++) {
      const low = layer.low[unit], high = layer.high[unit], most = Math.max(Math.abs(low), Math.abs(high)) || 1;
      for (let i = 0; i < 256; i++) scaled[i] = colors[Math.round(127.5 * (1 + (low + i / 255 * (high - low)) / most))];
      for (let row = 0; row < side; row++) { // rows of bytes go up, rows of pixels down
        const from = (unit * side + row) * side, to = (unit * side + side - 1 - row) * side;
        for (let column = 0; column < side; column++) pixels[to + column] = scaled[values[from + column]];
      }
    }
    place(ink, pixels, side, squares);
    squares.forEach(([x, y, size], unit) => {
      const chosen = this.unit && this.unit[0] === index && this.unit[1] === unit + 1;
      const constant = layer.low[unit] === layer.high[unit];
      ink.strokeStyle = chosen ? look.accent : constant ? look.quiet : look.line;
      ink.lineWidth = chosen ? (this.pinned ? 5 : 2) : 1;
      ink.setLineDash(constant ? [2, 2] : []);
      ink.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1);
    });
    ink.setLineDash([]);
  }

  drawNames(ink) {
    const look = theme(), text = Math.round(0.8 * look.font), { state } = this;
    ink.font = `${text}px ${look.family}`;
    ink.fillStyle = look.ink;
    ink.textBaseline = "middle";
    ink.textAlign = "right";
    this.columns[0].squares.forEach(([x, y, size], i) => {
      ink.fillText(clipped(written(state.inputs[i])), x - 0.4 * text, y + size / 2);
    });
    ink.textAlign = "left";
    const single = state.classes.length && state.outputs.length === 1; // it tells the second of two classes from the first
    this.columns.at(-1).squares.forEach(([x, y, size], i) => {
      const label = single ? 1 : i, to = x + size + 0.9 * text;
      if (state.classes.length) {
        symbol(ink, state.shapes[label % state.shapes.length], state.colours[label % state.colours.length],
          to, y + size / 2, 0.4 * text);
      }
      ink.fillStyle = look.ink;
      ink.fillText(clipped(state.outputs[i]), state.classes.length ? to + 0.8 * text : x + size + 0.4 * text, y + size / 2);
    });
  }

  /* Put a button over each unit, and the sizes over each layer. */
  place(shown) {
    const shape = JSON.stringify([shown, this.state.hidden, this.state.activations, this.canvas.clientWidth, this.canvas.clientHeight]);
    if (shape === this.shape) return;
    this.shape = shape;
    const wanted = new Set();
    this.columns.forEach(({ squares }, layer) => squares.forEach(([x, y, size], i) => {
      const key = `${layer}.${i + 1}`;
      wanted.add(key);
      if (!this.buttons.has(key)) this.buttons.set(key, this.button(layer, i + 1));
      const button = this.buttons.get(key);
      button.setAttribute("aria-label", this.nameOf([layer, i + 1]));
      Object.assign(button.style, { left: `${x - 1}px`, top: `${y - 1}px`, width: `${size + 2}px`, height: `${size + 2}px` });
    }));
    for (const [key, button] of this.buttons) if (!wanted.has(key)) { button.remove(); this.buttons.delete(key); }
    this.units.append(...[...this.buttons.values()].filter((button) => !button.isConnected));
    this.tab(this.buttons.get(this.stop) ?? this.buttons.get("1.1"));
    this.showHeads();
  }

  nameOf([layer, unit]) {
    const { state } = this, last = state.hidden.length + 1;
    if (layer === 0) return `Input ${state.inputs[unit - 1]}`;
    return layer === last ? `Output ${state.outputs[unit - 1]}` : `Layer ${layer}, unit ${unit}`;
  }

  button(layer, unit) {
    const button = make("button", undefined, { type: "button", class: "unit", tabindex: "-1", "aria-pressed": "false" });
    button.dataset.unit = `${layer}.${unit}`;
    button.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") this.page.choose([layer, unit]); });
    button.addEventListener("focus", () => {
      this.tab(button);
      if (button.matches(":focus-visible")) this.page.choose([layer, unit]);
    });
    button.addEventListener("click", () => this.page.pin([layer, unit]));
    return button;
  }

  /* Give the focus back to the unit that had it last. */
  focus() {
    this.buttons.get(this.stop)?.focus();
  }

  /* Make a button the one that the Tab key reaches. */
  tab(button) {
    if (!button) return;
    const before = this.buttons.get(this.stop);
    if (before) before.tabIndex = -1;
    button.tabIndex = 0;
    this.stop = button.dataset.unit;
  }

  key(event) {
    const [layer, unit] = (event.target.dataset?.unit ?? "").split(".").map(Number);
    if (!unit) return;
    const { squares } = this.columns[layer], height = ([, y, size]) => y + size / 2;
    const across = squares.filter(([, y]) => y === squares[0][1]).length;
    let to = null;
    if (event.key === "ArrowDown") to = [layer, unit + across];
    else if (event.key === "ArrowUp") to = [layer, unit - across];
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const turn = event.key === "ArrowRight" ? 1 : -1, place_ = (unit - 1) % across + turn;
      if (place_ >= 0 && place_ < across && unit + turn <= squares.length) to = [layer, unit + turn];
      else if (this.columns[layer + turn]) {
        const others = this.columns[layer + turn].squares, here = height(squares[unit - 1]);
        const nearest = others.reduce((best, square, i) =>
          (Math.abs(height(square) - here) < Math.abs(height(others[best]) - here) ? i : best), 0);
        to = [layer + turn, nearest + 1];
      }
    } else if (event.key === "Escape") this.page.pin(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (to) this.buttons.get(to.join("."))?.focus();
  }

  /* Show the size of each layer with buttons that change it. */
  showHeads() {
    const { state } = this, last = state.hidden.length + 1;
    const wanted = this.columns.length, narrow = 3.9 * theme().font;
    const tight = this.columns.some(({ x, width }, i) => i && x + width / 2 - this.columns[i - 1].x - this.columns[i - 1].width / 2 < narrow);
    this.heads.classList.toggle("tight", tight);
    while (this.heads.children.length > wanted) this.heads.lastChild.remove();
    while (this.heads.children.length < wanted) this.heads.append(make("div", undefined, { class: "head" }));
    [...this.heads.children].forEach((head, layer) => {
      const { x, width } = this.columns[layer];
      head.style.left = `${x + width / 2}px`;
      const kind = layer === 0 ? "input" : layer === last ? "output" : "hidden";
      if (head.dataset.kind !== kind) {
        head.dataset.kind = kind;
        head.replaceChildren(make("span", "", { class: "size" }));
        if (kind === "hidden") {
          head.append(this.changer(layer, -1), this.changer(layer, 1));
        }
      }
      const many = [state.inputs.length, ...state.hidden, state.outputs.length][layer];
      const shown = this.columns[layer].squares.length, count = shown < many && !tight ? `${shown} of ${many}` : String(many);
      head.querySelector(".size").textContent = kind === "hidden" || tight ? count
        : `${many} ${kind}${many === 1 ? "" : "s"}`;
      if (kind === "hidden") head.querySelector(".size").title = `${many} ${state.activations[layer - 1]} units`;
    });
  }

  changer(layer, by) {
    const button = make("button", by < 0 ? "−" : "+", { type: "button", class: "by",
      "aria-label": `${by < 0 ? "One unit fewer" : "One unit more"} in layer ${layer}` });
    button.addEventListener("click", () => {
      const sizes = [...this.state.hidden];
      sizes[layer - 1] += by;
      this.page.resize(sizes.filter((n) => n > 0));
    });
    return button;
  }
}

const clipped = (name) => clip(name, 12);
