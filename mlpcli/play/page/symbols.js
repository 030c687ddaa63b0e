// Draws examples: a shape and a color for each class, filled, hollow, and ringed where wrong.

import { theme } from "./canvas.js";

const around = (n, turn, inner = 1) => Array.from({ length: n }, (_, i) => {
  const angle = (turn + i / n) * 2 * Math.PI, r = i % 2 ? inner : 1;
  return [r * Math.sin(angle), -r * Math.cos(angle)];
});
const PLUS = [[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1], [1, 3], [-1, 3], [-1, 1], [-3, 1], [-3, -1], [-1, -1]]
  .map(([x, y]) => [x / 3, y / 3]);
const turned = (points) => points.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]);

// Each shape as corners within about one radius; the factors make their areas alike.
const SHAPES = {
  square: around(4, 1 / 8).map(([x, y]) => [1.2 * x, 1.2 * y]),
  triangle: around(3, 0).map(([x, y]) => [1.35 * x, 1.35 * y + 0.15]),
  diamond: around(4, 0).map(([x, y]) => [1.25 * x, 1.25 * y]),
  "triangle down": around(3, 1 / 2).map(([x, y]) => [1.35 * x, 1.35 * y - 0.15]),
  plus: PLUS.map(([x, y]) => [1.25 * x, 1.25 * y]),
  cross: turned(PLUS).map(([x, y]) => [1.25 * x, 1.25 * y]),
  star: around(10, 0, 0.45).map(([x, y]) => [1.5 * x, 1.5 * y]),
  "triangle left": around(3, -1 / 4).map(([x, y]) => [1.35 * x + 0.15, 1.35 * y]),
};

function outline(ink, shape, x, y, r) {
  ink.beginPath();
  if (SHAPES[shape]) {
    for (const [dx, dy] of SHAPES[shape]) ink.lineTo(x + r * dx, y + r * dy);
    ink.closePath();
  } else ink.arc(x, y, r, 0, 7);
}

export const PART_SHAPES = ["circle", "square", "diamond"]; // of the parts, where the color says the value

/* Draw one example; part is 0 for training, which is filled, 1 for validation, 2 for test, which has a dot. */
export function symbol(ink, shape, color, x, y, r, part = 0) {
  const look = theme();
  outline(ink, shape, x, y, r);
  ink.fillStyle = part ? look.paper : color;
  ink.strokeStyle = part ? color : "#ffffff";
  ink.lineWidth = part ? 0.42 * r : 0.22 * r;
  ink.lineJoin = "round";
  ink.fill();
  ink.stroke();
  if (part !== 2) return;
  ink.beginPath();
  ink.arc(x, y, 0.35 * r, 0, 7);
  ink.fillStyle = color;
  ink.fill();
}

/* Draw an example of a value. */
export function value(ink, shape, color, x, y, r) {
  outline(ink, shape, x, y, r);
  ink.fillStyle = color;
  ink.fill();
  for (const [width, edge] of [[0.5 * r, "#ffffff"], [0.2 * r, "#111111"]]) {
    ink.lineWidth = width;
    ink.strokeStyle = edge;
    ink.stroke();
  }
}

/* Draw examples, each from a picture that is made once; places are in CSS pixels. */
export class Symbols {
  constructor() {
    this.made = new Map();
    this.key = "";
  }

  draw(ink, ratio, r, looks, x, y, label, part) {
    const kind = 3 * label + part, half = Math.ceil((2 * r + 1) * ratio) / ratio;
    let picture = this.made.get(kind); // the same as long as size and colors are
    if (!picture) {
      picture = document.createElement("canvas");
      picture.width = picture.height = Math.round(2 * half * ratio);
      const own = picture.getContext("2d");
      own.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (looks.valued) value(own, PART_SHAPES[part], looks.colours[label], half, half, r);
      else symbol(own, looks.shapes[label % looks.shapes.length], looks.colours[label % looks.colours.length],
        half, half, r, part);
      this.made.set(kind, picture);
    }
    ink.drawImage(picture, x - half, y - half, 2 * half, 2 * half);
  }

  /* Draw all examples of a state, and rings around those whose index is in wrong. */
  all(ink, ratio, r, state, placeOf, wrong, hidden = []) {
    const key = [ratio, r, theme().paper, state.colours, state.shapes].join();
    if (key !== this.key) { this.made.clear(); this.key = key; }
    state.points.forEach((point, i) => {
      if (hidden.includes(state.parts[i])) return;
      this.draw(ink, ratio, r, state, ...placeOf(point, i), state.labels[i] ?? 0, state.parts[i]);
    });
    ink.strokeStyle = theme().ring;
    ink.lineWidth = 0.3 * r;
    ink.globalAlpha = wrong.length > state.points.length / 3 ? 0.3 : 1; // so many would hide the points
    for (const i of wrong) {
      if (hidden.includes(state.parts[i])) continue;
      const [x, y] = placeOf(state.points[i], i);
      ink.beginPath();
      ink.arc(x, y, 1.9 * r, 0, 7);
      ink.stroke();
    }
    ink.globalAlpha = 1;
  }
}
