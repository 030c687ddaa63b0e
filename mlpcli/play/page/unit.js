// Shows one unit in numbers: what it takes in, its weights with bars, its bias, and what it passes on.

import { at, make, short, written } from "./canvas.js";

const MOST = 30; // rows of a table; of more weights the largest come first
const FEW = 12; // rows that are in the order of the units, so that they can be compared from unit to unit

/* Show a unit as frame.unit gives it. */
export function showUnit(unit, state) {
  const inputs = unit.from.length > 0;
  at("unit-title").textContent = titleOf(unit);
  at("unit-range").textContent = `${short(unit.low)} to ${short(unit.high)}`;
  const most = Math.max(1e-9, ...[...unit.from, ...unit.to].map(([, weight]) => Math.abs(weight)));
  const tables = [];
  const before = inOrder(unit.from, state.inputs), after = inOrder(unit.to, state.outputs);
  if (inputs) tables.push(table("Weights in", [...before, ["bias", unit.bias]], most));
  const toClasses = state.classes.length && unit.layer === state.hidden.length;
  if (unit.to.length) tables.push(table("Weights out", after.map(([name, weight]) => [toClasses ? `class ${name}` : name, weight]), most));
  at("unit-tables").replaceChildren(...tables);
  const notes = [];
  if (unit.pieces) notes.push(`The first of ${unit.pieces} pieces; the unit passes on the largest.`);
  if (unit.slope !== undefined) notes.push(`Slope below 0, learned: ${short(unit.slope)}.`);
  at("unit-note").textContent = notes.join(" ");
}

/* Return a few weights in the order of the units whose names they have, more of them as they are. */
function inOrder(weights, names) {
  if (weights.length > FEW) return weights;
  const place = ([name]) => (names.includes(name) ? names.indexOf(name) : Number(name.split(" ").at(-1)));
  return [...weights].sort((a, b) => place(a) - place(b));
}

export function titleOf(unit) {
  const name = written(unit.name ?? `unit ${unit.unit}`);
  if (unit.layer === 0) return `Input ${name}`;
  return unit.to.length ? `Layer ${unit.layer}, unit ${unit.unit}${unit.activation ? `, ${unit.activation}` : ""}` : `Output ${name}`;
}

function table(title, rows, most) {
  const box = make("table"), body = make("tbody");
  box.append(make("caption", title));
  for (const [name, weight] of rows.slice(0, MOST)) {
    const row = make("tr"), bar = make("td", undefined, { class: "bar-cell" });
    const meter = make("span", undefined, { class: weight < 0 ? "weight negative" : "weight positive" });
    meter.style.width = `${Math.min(100, 100 * Math.abs(weight) / most)}%`;
    bar.append(meter);
    row.append(make("th", written(name), { scope: "row" }), make("td", short(weight)), bar);
    body.append(row);
  }
  box.append(body);
  if (rows.length > MOST) box.append(make("caption", `and ${rows.length - MOST} smaller`, { class: "more" }));
  return box;
}
