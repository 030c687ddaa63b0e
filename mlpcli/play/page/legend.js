// Shows what a click on the plane adds, and which examples are drawn.

import { at, clip, make, theme } from "./canvas.js";
import { SPLITS } from "./curves.js";
import { PART_SHAPES, symbol, value } from "./symbols.js";

/* Show which class, or which value, a click adds. */
export function showTarget(state) {
  const shape = JSON.stringify([state.classes, state.task, state.features.length]);
  if (at("target").dataset.shape === shape) return;
  at("target").dataset.shape = shape;
  if (state.task === "regression") {
    const label = make("label", "a click adds an example of value");
    const field = make("input", undefined, { id: "value", type: "number", step: "any", value: "0", "aria-label": "Value of added examples" });
    label.append(field);
    at("target").replaceChildren(label);
    label.hidden = state.features.length === 1; // there the height says it
    return;
  }
  at("target").replaceChildren(make("span", "a click adds", { class: "quiet" }), ...state.classes.map((name, i) => {
    const label = make("label"), radio = make("input", undefined, { type: "radio", name: "class", value: i });
    radio.checked = i === 0;
    label.append(radio, sample(state, i, 0), make("span", clip(name, 30)));
    return label;
  }));
}

/* Return what a click adds, besides its place. */
export function target() {
  const field = at("value");
  if (field) return { value: Number(field.value) };
  return { label: Number(document.querySelector("input[name=class]:checked")?.value ?? 0) };
}

/* Show which parts of the examples are drawn, as boxes to check; hidden lists those that are not. */
export function showParts(state, hidden, changed) {
  const present = SPLITS.map((_, part) => state.parts.includes(part));
  const kind = [state.task, state.features.length, ...present].join();
  if (at("parts").dataset.kind === kind) return;
  at("parts").dataset.kind = kind;
  at("parts").replaceChildren(...SPLITS.flatMap((name, part) => {
    if (!present[part]) return [];
    const label = make("label"), box = make("input", undefined, { type: "checkbox" });
    box.checked = !hidden.includes(part);
    box.addEventListener("change", () => {
      if (box.checked) hidden.splice(hidden.indexOf(part), 1);
      else hidden.push(part);
      changed();
    });
    label.append(box, sample(state, 0, part), make("span", name));
    return [label];
  }));
}

/* Return a picture of an example. */
function sample(state, label, part) {
  const canvas = make("canvas", undefined, { width: 32, height: 32, "aria-hidden": "true" }), ink = canvas.getContext("2d");
  const valued = state.task === "regression" && state.features.length > 1;
  if (valued) value(ink, PART_SHAPES[part], theme().zero, 16, 16, 9);
  else symbol(ink, state.shapes[label % state.shapes.length], state.colours[label % state.colours.length], 16, 16, 10, part);
  return canvas;
}
