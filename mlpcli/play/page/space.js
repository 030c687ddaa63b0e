// Draws the plane and the examples as a hidden layer maps them, and chooses the layer and its axes.

import { at, begin, make, theme } from "./canvas.js";
import { Symbols } from "./symbols.js";

const symbols = new Symbols();

/* Draw what frame.hidden holds: lines of a grid over the plane, and the examples. */
export function drawSpace(canvas, state, frame, hidden) {
  const { ink, width, height, ratio } = begin(canvas);
  const bent = frame.hidden, look = theme();
  const text = Math.round(0.8 * look.font);
  ink.font = `${text}px ${look.family}`;
  ink.fillStyle = look.quiet;
  const [across, up] = (bent?.names ?? []).map((name) => name.replace("principal component", "main axis"));
  const names = !bent ? "The network has no hidden layer."
    : `across: ${across}${up ? `, up: ${up.replace(" of the variance", "")}` : ""}`;
  canvas.setAttribute("aria-label", `A grid over the plane, and the examples, as the hidden layer maps them; ${names}`);
  const lines = ink.measureText(names).width > width ? names.split(/(?<=,) (?=up)/) : [names];
  lines.forEach((line, i) => ink.fillText(line, 0, height - 0.3 * text - 1.2 * text * (lines.length - 1 - i), width));
  if (!bent) return;
  const range = [0, 1].map((i) => {
    let low = Infinity, high = -Infinity;
    for (const line of bent.lines) for (const point of line) { low = Math.min(low, point[i]); high = Math.max(high, point[i]); }
    for (const point of bent.points) { low = Math.min(low, point[i]); high = Math.max(high, point[i]); }
    return high > low ? [low, high] : [low - 1, high + 1];
  });
  const margin = 10, under = (0.5 + 1.2 * lines.length) * text;
  const placeOf = (point) => [
    margin + (point[0] - range[0][0]) / (range[0][1] - range[0][0]) * (width - 2 * margin),
    height - under - (point[1] - range[1][0]) / (range[1][1] - range[1][0]) * (height - margin - under),
  ];
  ink.lineWidth = 1;
  bent.lines.forEach((line, i) => {
    ink.strokeStyle = i < bent.lines.length / 2 ? "#6fa8cc" : look.line;
    ink.beginPath();
    for (const point of line) ink.lineTo(...placeOf(point));
    ink.stroke();
  });
  const started = frame.epoch > 0 || frame.batches > 0;
  const r = Math.max(2, Math.min(6, Math.min(width, height) / 60));
  symbols.all(ink, ratio, r, state, (_, i) => placeOf(bent.points[i]), started ? frame.wrong : [], hidden);
}

/* Make the choices fit the layers and units of a network; view is {layer, a, b}. */
export function showChoices(state, frame, view) {
  const sizes = state.hidden.map((n, i) => `layer ${i + 1}`);
  fill(at("layer"), sizes, view.layer, "choose");
  const bent = frame?.hidden, n = bent ? state.hidden[bent.layer - 1] : 0;
  if (document.activeElement !== at("layer")) at("layer").value = bent ? bent.layer : 0;
  for (const [id, value] of [["unit-a", view.a], ["unit-b", view.b]]) {
    fill(at(id), Array.from({ length: n }, (_, i) => `unit ${i + 1}`), value, n === 2 ? "default" : "main axis");
  }
}

function fill(select, names, value, none) {
  if (select.options.length !== names.length + 1 || select.options[0].textContent !== none) {
    select.replaceChildren(make("option", none, { value: 0 }),
      ...names.map((name, i) => make("option", name, { value: i + 1 })));
  }
  if (document.activeElement !== select) select.value = value <= names.length ? value : 0;
  select.disabled = names.length === 0;
}

/* Call changed when the user chooses another layer or other axes. */
export function listenToChoices(viewOf, changed) {
  at("layer").addEventListener("change", () => {
    Object.assign(viewOf(), { layer: Number(at("layer").value), a: 0, b: 0 });
    at("unit-a").value = at("unit-b").value = 0;
    changed();
  });
  for (const [id, key, other] of [["unit-a", "a", "b"], ["unit-b", "b", "a"]]) {
    at(id).addEventListener("change", () => {
      const view = viewOf();
      view[key] = Number(at(id).value);
      if (!view[key]) view[other] = 0;
      else if (!view[other]) view[other] = view[key] === 1 ? 2 : 1;
      view.layer = Number(at("layer").value);
      at("unit-a").value = view.a;
      at("unit-b").value = view.b;
      changed();
    });
  }
}
