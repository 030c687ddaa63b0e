// Gets frames from the server, draws them, and sends the user's commands. The server does the training.
"use strict";

const at = (id) => document.getElementById(id);
const LOW = [0, 32, 77], MIDDLE = [124, 123, 120], HIGH = [255, 234, 70]; // colors of a unit's map; they also work in gray
const LINES = { train: "#0072B2", val: "#D55E00" };

let state = null;   // settings, data and axes; new after each change
let frame = null;   // the network's predictions; new after each epoch
let waiting = null; // the controller that aborts the request for the next frame
let cross = null;   // the place where the keyboard adds an example
const view = { layer: 0, a: 0, b: 0 };
const drawn = []; // the times, in ms, at which boundaries were drawn in the last seconds
window.boundaryUpdates = drawn;

// --------------------------------------------------------------------------------------------- requests

const STOPPED = "The server has stopped. Start mlp play again, then reload this page.";

async function send(command) {
  try {
    const response = await fetch("do", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(command),
    });
    return await response.json();
  } catch {
    return { error: STOPPED };
  }
}

function tell(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

async function act(command) {
  const reply = await send(command);
  tell(reply.error ?? "");
  return reply;
}

const painted = () => new Promise(requestAnimationFrame);

/* Request the next frame after the version `seen`; return null if there was none for a while. */
async function request(seen) {
  waiting = new AbortController();
  const query = new URLSearchParams({ after: seen, ...view });
  const response = await fetch(`frame?${query}`, { signal: waiting.signal });
  if (response.status !== 200 && response.status !== 204) throw new Error(`status ${response.status}`);
  return response.status === 200 ? response.json() : null;
}

async function follow() {
  let seen = 0;
  let coming = request(seen);
  for (;;) {
    try {
      const next = await coming;
      if (next) seen = next.version;
      coming = request(seen); // the server computes the next frame, and only that, while this one is drawn
      coming.catch(() => {}); // errors are handled when it is awaited
      if (!next) continue;
      if (state === null || state.build !== next.build) {
        const fresh = await (await fetch("state")).json();
        if (fresh.build !== next.build) continue;
        state = fresh;
        showState();
      }
      await painted();
      frame = next;
      draw();
    } catch (error) {
      if (error.name !== "AbortError") {
        tell(STOPPED);
        await new Promise((done) => setTimeout(done, 2000));
      }
      seen = 0;
      coming = request(seen);
      coming.catch(() => {});
    }
  }
}

function look() {
  if (waiting) waiting.abort();
}

// ---------------------------------------------------------------------------------------------- settings

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function control(setting) {
  const id = `set-${setting.key}`;
  const label = make("label", undefined, { for: id, title: setting.help });
  label.append(make("span", setting.label));
  const input = make(setting.choices ? "select" : "input", undefined, { id });
  for (const [value, text] of setting.choices ?? []) input.append(make("option", text, { value }));
  if (!setting.choices) { input.autocomplete = "off"; input.spellcheck = false; input.maxLength = 200; }
  input.value = setting.value;
  const problem = make("p", "", { class: "problem", role: "alert", id: `problem-${setting.key}` });
  problem.hidden = true;
  input.setAttribute("aria-describedby", problem.id);
  input.addEventListener("change", async () => {
    const reply = await send({ do: "change", key: setting.key, value: input.value });
    problem.textContent = reply.error ?? "";
    problem.hidden = !reply.error;
    input.setAttribute("aria-invalid", Boolean(reply.error));
    if (!reply.error) tell("");
    else if (setting.choices) input.value = setting.value; // back to the current value
  });
  return [label, problem, input];
}

function showState() {
  const focused = document.activeElement?.id;
  const rows = state.controls.map(control);
  at("settings").replaceChildren(...rows.flatMap(([label, problem, input]) => {
    label.append(input);
    return [label, problem];
  }));
  if (focused) at(focused)?.focus({ preventScroll: true });
  at("summary").textContent = `${state.data}; ${state.network}`;
  at("notice").textContent = state.notice;
  at("notice").hidden = !state.notice;
  at("x-axis").textContent = `across: ${state.features[0]}, ${state.extent[0].map(short).join(" to ")}`;
  at("y-axis").textContent = `up: ${state.features[1]}, ${state.extent[1].map(short).join(" to ")}`;
  at("added").textContent = state.added.length
    ? `${state.added.length} added. While there are added examples, all examples are used for training.` : "";
  at("clear").disabled = !state.added.length;
  const chosen = chosenClass();
  at("classes").replaceChildren(...state.classes.map((name, i) => {
    const label = make("label");
    const radio = make("input", undefined, { type: "radio", name: "class", value: i });
    radio.checked = i === (chosen < state.classes.length ? chosen : 0);
    const swatch = make("canvas", undefined, { width: 1, height: 1, "aria-hidden": "true" });
    const ink = swatch.getContext("2d");
    ink.fillStyle = colour(i);
    ink.fillRect(0, 0, 1, 1);
    label.append(radio, swatch, make("span", name.length > 30 ? `${name.slice(0, 29)}…` : name));
    return label;
  }));
  fill(at("layer"), state.hidden.map((n, i) => `${i + 1}: ${n} unit${n === 1 ? "" : "s"}`), view.layer, "choose");
  if (view.layer > state.hidden.length) Object.assign(view, { layer: 0, a: 0, b: 0 });
}

function fill(select, names, value, none) {
  select.replaceChildren(make("option", none, { value: 0 }),
    ...names.map((name, i) => make("option", name, { value: i + 1 })));
  select.value = value <= names.length ? value : 0;
  select.disabled = names.length === 0;
}

const chosenClass = () => Number(document.querySelector("input[name=class]:checked")?.value ?? 0);
const colour = (i) => state.colours[i % state.colours.length];
const rgb = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
const short = (value) => String(Number(value.toPrecision(3)));
const share = (value) => (value === null || value === undefined ? "-" : `${(100 * value).toFixed(1)}%`);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// ----------------------------------------------------------------------------------------------- drawing

const scratch = document.createElement("canvas");

/* Draw a square grid, whose rows are given from the bottom up, into a rectangle; colors are 32-bit pixels. */
function paint(ink, side, colourOf, x, y, width, height) {
  scratch.width = scratch.height = side;
  const image = new ImageData(side, side), pixels = new Uint32Array(image.data.buffer);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      pixels[(side - 1 - row) * side + column] = colourOf(row * side + column);
    }
  }
  scratch.getContext("2d").putImageData(image, 0, 0);
  ink.imageSmoothingEnabled = true;
  ink.drawImage(scratch, x, y, width, height);
}

/* Return the 256 pixels of a color scale from 0 to 1, in the format of ImageData. */
function scale(colourOf) {
  const bytes_ = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i++) bytes_.set([...colourOf(i / 255), 255], 4 * i);
  return new Uint32Array(bytes_.buffer);
}

const mix = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);
const MAP = scale((t) => (t < 0.5 ? mix(LOW, MIDDLE, 2 * t) : mix(MIDDLE, HIGH, 2 * t - 1)));

function dot(ink, x, y, label, hollow, wrong, look_) {
  ink.beginPath();
  ink.arc(x, y, 4, 0, 7);
  ink.fillStyle = hollow ? look_.paper : colour(label);
  ink.fill();
  ink.lineWidth = hollow ? 2 : 1;
  ink.strokeStyle = hollow ? colour(label) : "#ffffff";
  ink.stroke();
  if (!wrong) return;
  ink.beginPath();
  ink.arc(x, y, 7.5, 0, 7);
  ink.lineWidth = 1.5;
  ink.strokeStyle = look_.ring;
  ink.stroke();
}

let turn = 0;

/* Draw the boundary and the other pictures: all of them, or during training one of them in turn. */
function draw() {
  const look_ = { paper: style("--paper"), ring: style("--ring"), quiet: style("--quiet"), line: style("--line") };
  const wrong = new Set(frame.wrong);
  drawPlane(wrong, look_);
  drawNumbers();
  const rest = [() => drawLoss(look_), () => drawHidden(wrong, look_), drawUnits];
  turn = (turn + 1) % rest.length;
  if (frame.playing) rest[turn]();
  else for (const each of rest) each();
}

function drawPlane(wrong, look_) {
  const canvas = at("plane"), ink = canvas.getContext("2d"), size = canvas.width;
  const labels = bytes(frame.labels), strength = bytes(frame.strength);
  const paper = rgb(look_.paper);
  const scales = state.classes.map((_, i) => scale((t) => mix(paper, rgb(colour(i)), 0.12 + 0.55 * t)));
  paint(ink, frame.side, (i) => scales[labels[i]][strength[i]], 0, 0, size, size);
  const [[left, right], [bottom, top]] = state.extent;
  const place = ([x, y]) => [(x - left) / (right - left) * size, (top - y) / (top - bottom) * size];
  state.points.forEach((point, i) =>
    dot(ink, ...place(point), state.labels[i], state.held_out[i], wrong.has(i), look_));
  if (cross && document.activeElement === canvas) {
    ink.strokeStyle = look_.ring;
    ink.lineWidth = 2;
    ink.beginPath();
    ink.moveTo(cross[0] - 9, cross[1]); ink.lineTo(cross[0] + 9, cross[1]);
    ink.moveTo(cross[0], cross[1] - 9); ink.lineTo(cross[0], cross[1] + 9);
    ink.stroke();
  }
  const now = performance.now();
  drawn.push(now);
  while (drawn[0] < now - 5000) drawn.shift();
}

function drawLoss(look_) {
  const canvas = at("loss"), ink = canvas.getContext("2d");
  const [left, right, top, bottom] = [44, canvas.width - 12, 12, canvas.height - 24];
  ink.clearRect(0, 0, canvas.width, canvas.height);
  ink.font = "12px system-ui, sans-serif";
  const rows = frame.history;
  const largest = Math.max(1e-9, ...rows.flatMap(([, train, val]) => [train, val ?? 0]));
  const from = rows.length ? rows[0][0] : 0, to = rows.length ? Math.max(from + 1, rows.at(-1)[0]) : 1;
  const x = (epoch) => left + (epoch - from) / (to - from) * (right - left);
  const y = (loss) => bottom - loss / largest * (bottom - top);
  ink.strokeStyle = look_.line;
  ink.lineWidth = 1;
  ink.beginPath();
  ink.moveTo(left, top); ink.lineTo(left, bottom); ink.lineTo(right, bottom);
  ink.stroke();
  ink.fillStyle = look_.quiet;
  ink.textAlign = "right";
  ink.fillText(rows.length ? short(largest) : "", left - 5, top + 6);
  ink.fillText("0", left - 5, bottom);
  ink.fillText(rows.length ? `epoch ${to.toLocaleString("en")}` : "epoch", right, canvas.height - 7);
  ink.lineWidth = 2;
  const part = (index, name, across) => {
    const kept = rows.filter((row) => row[index] !== null);
    if (!kept.length) return;
    ink.strokeStyle = ink.fillStyle = LINES[name];
    ink.beginPath();
    kept.forEach((row) => ink.lineTo(x(row[0]), y(row[index])));
    ink.stroke();
    ink.textAlign = "left";
    ink.fillRect(across, canvas.height - 13, 12, 4);
    ink.fillStyle = look_.quiet;
    ink.fillText(name, across + 17, canvas.height - 7);
  };
  part(1, "train", left);
  part(2, "val", left + 65);
  canvas.setAttribute("aria-label", rows.length
    ? `Loss over ${to} epochs; the training loss is ${short(rows.at(-1)[1])}` : "Loss over the epochs; none yet");
}

function drawHidden(wrong, look_) {
  const canvas = at("hidden"), ink = canvas.getContext("2d");
  ink.clearRect(0, 0, canvas.width, canvas.height);
  const bent = frame.hidden;
  at("hidden-names").textContent = bent
    ? `Layer ${bent.layer}; across: ${bent.names[0]}${bent.names[1] ? `, up: ${bent.names[1]}` : ""}`
    : "The network has no hidden layer.";
  showUnits(bent);
  if (!bent) return;
  const all = [...bent.lines.flat(), ...bent.points];
  const range = [0, 1].map((i) => {
    let low = Infinity, high = -Infinity;
    for (const point of all) { low = Math.min(low, point[i]); high = Math.max(high, point[i]); }
    return high > low ? [low, high] : [low - 1, high + 1];
  });
  const margin = 12, place = (point) => [
    margin + (point[0] - range[0][0]) / (range[0][1] - range[0][0]) * (canvas.width - 2 * margin),
    canvas.height - margin - (point[1] - range[1][0]) / (range[1][1] - range[1][0]) * (canvas.height - 2 * margin),
  ];
  ink.lineWidth = 1;
  bent.lines.forEach((line, i) => {
    ink.strokeStyle = i < bent.lines.length / 2 ? "#6fa8cc" : look_.line;
    ink.beginPath();
    line.forEach((point) => ink.lineTo(...place(point)));
    ink.stroke();
  });
  bent.points.forEach((point, i) =>
    dot(ink, ...place(point), state.labels[i], state.held_out[i], wrong.has(i), look_));
}

function showUnits(bent) {
  const n = bent ? state.hidden[bent.layer - 1] : 0;
  if (document.activeElement !== at("layer")) at("layer").value = bent ? bent.layer : 0;
  for (const [id, value] of [["unit-a", view.a], ["unit-b", view.b]]) {
    if (at(id).options.length === n + 1) continue;
    fill(at(id), Array.from({ length: n }, (_, i) => `unit ${i + 1}`), value, n === 2 ? "default" : "main axis");
  }
}

function drawUnits() {
  const canvas = at("units"), maps = frame.maps, ink = canvas.getContext("2d");
  const n = maps ? maps.shown : 0;
  at("units-title").textContent = maps ? `Units of layer ${frame.hidden.layer}` : "Units";
  at("units-note").textContent = maps
    ? `Output over the plane, from the smallest (dark) to the largest value (light)${maps.units > n
      ? `; the first ${n} of ${maps.units.toLocaleString("en")} units` : ""}.`
    : "The network has no hidden layer.";
  const across = canvas.clientWidth < 500 ? 8 : 16, gap = 4;
  const tile = Math.floor((canvas.width - gap) / across) - gap;
  canvas.height = Math.max(1, Math.ceil(n / across)) * (tile + gap) + gap;
  if (!maps) return;
  const values = bytes(maps.bytes), cells = maps.side * maps.side;
  for (let unit = 0; unit < n; unit++) {
    const x = gap + (unit % across) * (tile + gap), y = gap + Math.floor(unit / across) * (tile + gap);
    paint(ink, maps.side, (i) => MAP[values[unit * cells + i]], x, y, tile, tile);
  }
}

function drawNumbers() {
  const metrics = frame.metrics;
  if (document.activeElement !== at("speed")) at("speed").value = frame.speed; // another tab may have set it
  at("play").textContent = frame.playing ? "Pause" : "Start";
  at("epoch").textContent = `epoch ${frame.epoch.toLocaleString("en")}`;
  const scores = metrics ? [`loss ${metrics.train_loss.toFixed(4)}`, `accuracy ${share(metrics.train_accuracy)}`] : [];
  if (metrics && metrics.val_accuracy !== undefined) scores.push(`val ${share(metrics.val_accuracy)}`);
  at("scores").textContent = scores.join(", ");
  if (frame.diverged) tell(frame.diverged);
  at("health").replaceChildren(...(metrics ? metrics.gradient_norms.map((norm, i) => {
    const row = make("tr"), ratio = metrics.update_ratio[i];
    row.append(make("td", i < metrics.dead.length ? i + 1 : `${i + 1} (output)`),
      make("td", share(metrics.dead[i])), make("td", share(metrics.saturated[i])),
      make("td", norm.toPrecision(3)), make("td", ratio === null ? "-" : ratio.toPrecision(2)));
    return row;
  }) : []));
  at("advice").replaceChildren(...frame.advice.map((line) => make("li", line)));
}

// ---------------------------------------------------------------------------------------------- commands

async function showYaml() {
  at("yaml-text").textContent = await (await fetch("yaml")).text();
}

at("play").addEventListener("click", () => act({ do: frame?.playing ? "pause" : "play" }));
for (const name of ["step", "reset", "seed", "clear"]) at(name).addEventListener("click", () => act({ do: name }));
at("speed").addEventListener("change", () => act({ do: "speed", value: Number(at("speed").value) }));
at("settings").addEventListener("submit", (event) => event.preventDefault());
at("show-yaml").addEventListener("click", async () => {
  const open = at("yaml").hidden;
  if (open) {
    await act({ do: "pause" });
    await showYaml();
    at("saved").textContent = "";
  }
  at("yaml").hidden = !open;
  at("show-yaml").setAttribute("aria-expanded", open);
});
at("save").addEventListener("click", async () => {
  await send({ do: "pause" });
  const reply = await act({ do: "save" });
  await showYaml();
  at("saved").textContent = reply.error ?? `Saved ${reply.path}. To train the same network: ${reply.command}`;
});

function add(x, y) { // in pixels of the canvas
  const size = at("plane").width, [[left, right], [bottom, top]] = state.extent;
  act({ do: "add", x: left + x / size * (right - left), y: top - y / size * (top - bottom), label: chosenClass() });
}

at("plane").addEventListener("click", (event) => {
  const box = at("plane").getBoundingClientRect(), scale = at("plane").width / box.width;
  if (state) add((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
});
at("plane").addEventListener("keydown", (event) => {
  const size = at("plane").width, move = size / 50;
  cross ??= [size / 2, size / 2];
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
  if (event.key === "Enter" && state) add(...cross);
  else if (x || y) cross = [cross[0] + x * move, cross[1] + y * move].map((v) => Math.max(0, Math.min(size, v)));
  else return;
  event.preventDefault();
  if (frame && frame.build === state.build) draw();
});
at("layer").addEventListener("change", () => {
  Object.assign(view, { layer: Number(at("layer").value), a: 0, b: 0 });
  at("unit-a").replaceChildren();
  at("unit-b").replaceChildren();
  look();
});
for (const [id, key] of [["unit-a", "a"], ["unit-b", "b"]]) {
  at(id).addEventListener("change", () => {
    view[key] = Number(at(id).value);
    const other = key === "a" ? "b" : "a";
    if (!view[key]) view[other] = 0;
    else if (!view[other]) view[other] = view[key] === 1 ? 2 : 1;
    view.layer = Number(at("layer").value);
    at("unit-a").value = view.a;
    at("unit-b").value = view.b;
    look();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => frame && frame.build === state.build && draw());
follow();
