// The page of mlp play: gives the server's answers to what draws them, and the user's hand to the server.

import { at, clip, forgetTheme, make, short, watch } from "./canvas.js";
import { showControls } from "./controls.js";
import { drawLoss, SPLITS } from "./curves.js";
import { listenToDialogs, listenToKeys } from "./dialogs.js";
import { showParts, showTarget, target } from "./legend.js";
import { copyLink, dropLink, linkOf, showLink, useLink } from "./link.js";
import { NetworkView } from "./network.js";
import { showHealth, showScores } from "./numbers.js";
import { Plane } from "./plane.js";
import { editPoints } from "./points.js";
import { Follower, getYaml, MISSING, send, STOPPED } from "./requests.js";
import { drawSpace, listenToChoices, showChoices } from "./space.js";
import { showUnit, titleOf } from "./unit.js";

const alone = Number(new URLSearchParams(location.search).get("network")) === 2; // a window for network 2
const followers = new Map(); // the networks that are drawn, by number
let current = alone ? 2 : 1; // the network whose settings and insides are shown
const view = { layer: 0, a: 0, b: 0 };
const seen = { discretize: false, hidden: [], log: false }; // what is shown of the plane and the loss
let unit = null, pinned = null; // the unit in view, [layer, number], and the one that stays
let linked = false; // whether the settings of the address were looked at
let told = ""; // the message that is shown
const drawn = []; // the times, in ms, at which boundaries were drawn in the last seconds
window.boundaryUpdates = drawn;
window.shown = { get state() { return now()?.state; }, get frame() { return now()?.frame; } }; // for a curious reader

const now = () => followers.get(current);
const planes = [null, new Plane(at("plane-1")), new Plane(at("plane-2"))];

// ------------------------------------------------------------------------------------------------ requests

function tell(text) {
  told = text;
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

let saying = 0;

/* Say something that is no problem, for a few seconds. */
function say(text) {
  at("said").textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { at("said").textContent = ""; }, 6000);
}

async function act(command) {
  const reply = await send({ network: current, ...command });
  tell(reply.error ?? "");
  return reply;
}

/* Send a change of a setting, whose problem stands beside its control. */
async function change(command) {
  const reply = await send({ network: current, ...command });
  tell(reply.error === STOPPED ? STOPPED : "");
  return reply;
}

function query(network) {
  if (network !== current) return { inside: 0 };
  return unit ? { ...view, unit: unit.join(".") } : view;
}

function follow(network) {
  followers.set(network, new Follower(network, query, {
    state: (follower) => {
      showState(follower);
      if (linked) showLink(linkNow());
    },
    frame: (follower) => {
      followBoth((follower.frame.networks ?? [1]).includes(2));
      draw(follower);
      if (!linked && [...followers.values()].every((each) => each.state)) openLink();
    },
    lost: (gone) => {
      if (gone) dropLink();
      if (gone || [STOPPED, MISSING].includes(told)) tell(gone);
    },
  }));
}

const linkNow = () => linkOf(followers.get(alone ? 2 : 1).state.link, alone ? null : followers.get(2)?.state?.link);

/* Use the settings of the address, once the page is there. */
function openLink() {
  linked = true;
  useLink(linkNow(), now().state, now().frame, act);
  showLink(linkNow());
}

/* Begin or end the second network, as another tab or this one wants it. */
function followBoth(both) {
  if (alone || both === followers.has(2)) return;
  document.documentElement.classList.toggle("comparing", both);
  at("compare").setAttribute("aria-pressed", both);
  at("tabs").hidden = at("output-2").hidden = !both;
  if (both) follow(2);
  else {
    followers.get(2).end();
    followers.delete(2);
    choose(1);
    if (linked) showLink(linkNow());
  }
}

function choose(network) {
  current = network;
  [unit, pinned] = [null, null];
  Object.assign(view, { layer: 0, a: 0, b: 0 });
  for (const number of [1, 2]) at(`tab-${number}`).setAttribute("aria-pressed", number === current);
  if (now()?.state) showState(now());
  for (const follower of followers.values()) follower.again();
}

// ------------------------------------------------------------------------------------------------- drawings

const network = new NetworkView(at("network"), at("edges"), at("units"), at("heads"), {
  card: at("unit"),
  choose: (wanted) => see(wanted ?? pinned),
  pin: (wanted) => {
    pinned = wanted && pinned?.join() === wanted.join() ? null : wanted;
    see(pinned);
  },
  resize: (sizes) => act({ do: "change", key: "model.hidden", value: sizes.join(", ") }),
});

function see(wanted) {
  if (unit?.join() === wanted?.join()) return;
  unit = wanted;
  for (const [key, button] of network.buttons) button.setAttribute("aria-pressed", key === pinned?.join("."));
  now()?.again();
  drawAll();
  network.drawEdges(); // at once, also during training
}

/* Return the response to show on the plane: the large one if it has come, or else the small picture. */
function response(frame) {
  if (!unit) return null;
  const large = frame.unit;
  if (large && large.layer === unit[0] && large.unit === unit[1]) return large;
  const layer = frame.network?.layers[unit[0]];
  if (!layer || unit[1] > layer.shown) return null;
  const i = unit[1] - 1, side = frame.network.side;
  return { bytes: layer.bytes, start: i * side * side, side, low: layer.low[i], high: layer.high[i] };
}

function drawPlane(follower) {
  const { state, frame } = follower;
  const shown = follower === now() ? response(frame) : null;
  const plane = planes[alone ? 1 : follower.network];
  plane.draw(state, frame, { ...seen, unit: shown });
  const time = performance.now();
  drawn.push(time);
  while (drawn[0] < time - 5000) drawn.shift();
}

function drawInsides() {
  const { state, frame } = now();
  if (!frame.network) return;
  Object.assign(network, { unit, pinned });
  network.draw(state, frame.network);
  const large = unit && frame.unit;
  at("unit").hidden = !large;
  document.querySelector(".space").hidden = Boolean(large);
  if (large) showUnit(large, state);
  showTitles(large && titleOf(large));
}

/* Name the planes: which unit or which network, and in what the two networks differ. */
function showTitles(unitTitle) {
  const [a, b] = [1, 2].map((network) => followers.get(network)?.state);
  const both = a && b;
  for (const [network, state, other] of [[1, a, b], [2, b, a]]) {
    if (!state) continue;
    const before = both && Object.fromEntries(other.controls.map(({ key, value }) => [key, value]));
    const differs = both ? state.controls.filter(({ key, value }) => before[key] !== value) : [];
    const name = both || alone ? "AB"[network - 1] : "Predictions";
    const words = [name, ...differs.map(({ label, value }) => `${label} ${value || "none"}`)].join(", ");
    at(`plane-title-${alone ? 1 : network}`).textContent = unitTitle && network === current ? unitTitle : clip(words, 60);
  }
  at("space-title").textContent = now().state.features.length === 1 ? "Bent line" : "Bent plane";
  const whose = both ? ` ${"AB"[current - 1]}` : "";
  at("network-title").textContent = `Network${whose}`;
  at("loss-title").textContent = both ? `Loss (dashed: ${"BA"[current - 1]})` : "Loss";
}

let turn = 0;

/* Draw a new frame: the plane and the units always, and during training one of the others in turn. */
function draw(follower) {
  drawPlane(follower);
  if (follower !== now()) return;
  drawInsides();
  showNumbers();
  const rest = [() => { drawLosses(); showHealth(follower.frame); }, drawBent, () => network.drawEdges()];
  turn = (turn + 1) % rest.length;
  if (follower.frame.playing) rest[turn]();
  else for (const each of rest) each();
}

function drawAll() {
  forgetTheme();
  for (const follower of followers.values()) {
    if (follower.frame && follower.frame.build === follower.state.build) draw(follower);
  }
}

function drawBent() {
  const { state, frame } = now();
  if (document.querySelector(".space").hidden) return;
  showChoices(state, frame, view);
  drawSpace(at("space"), planes[alone ? 1 : current].looks(state), frame, seen.hidden);
}

let lossAxis = null;

/* Say what the losses were at the epoch under the pointer. */
function sayLosses(event) {
  const rows = now()?.frame?.history ?? [];
  if (!lossAxis || !rows.length) return;
  const epoch = lossAxis.epochAt(event.offsetX);
  const row = rows.reduce((best, each) => (Math.abs(each[0] - epoch) < Math.abs(best[0] - epoch) ? each : best));
  const found = SPLITS.flatMap((split, i) => (row[i + 1] === null ? [] : [`${split} ${short(row[i + 1])}`]));
  at("says-loss").textContent = `epoch ${row[0].toLocaleString("en")}: ${found.join(", ")}`;
}

function drawLosses() {
  const { state, frame } = now(), other = [...followers.values()].find((each) => each !== now() && each.frame);
  const name = ({ network: number }) => (other ? "AB"[number - 1] : "");
  showScores(at("scores"), state, frame, name(now()), false);
  at("scores-2").hidden = !other;
  if (other) showScores(at("scores-2"), other.state, other.frame, name(other), true);
  const curves = [{ history: frame.history, dash: false }];
  if (other) curves.push({ history: other.frame.history, dash: true });
  lossAxis = drawLoss(at("loss"), curves, state.split_colours, seen.log);
  const last = frame.history.at(-1);
  at("loss").setAttribute("aria-label", last
    ? `Loss over ${last[0]} epochs; the training loss is ${short(last[1])}` : "Loss over the epochs; none yet");
}

function showNumbers() {
  const { state, frame } = now();
  if (document.activeElement !== at("speed")) at("speed").value = frame.speed; // another tab may have set it
  at("play").textContent = frame.playing ? "Pause" : "Start";
  at("epoch").textContent = `epoch ${frame.epoch.toLocaleString("en")}${frame.batches ? ` + ${frame.batches}` : ""}`;
  if (frame.diverged) tell(frame.diverged);
}

// ------------------------------------------------------------------------------------------------ the state

function showState(follower) {
  const { state } = follower;
  if (follower !== now()) return;
  showControls(at("settings"), state.controls, change);
  at("summary").textContent = `${state.data}; ${state.network}`;
  at("notice").textContent = state.notice;
  at("notice").hidden = !state.notice;
  const depth = state.hidden.length;
  at("depth").textContent = `${depth} hidden layer${depth === 1 ? "" : "s"}`;
  at("fewer").disabled = depth === 0;
  at("clear").disabled = at("remove").disabled = !state.added.length;
  at("discretize-row").hidden = state.task === "regression";
  showTarget(state);
  showParts(state, seen.hidden, drawAll);
  if (view.layer > depth) Object.assign(view, { layer: 0, a: 0, b: 0 });
  if (unit && (unit[0] > depth + 1)) [unit, pinned] = [null, null];
}

// ---------------------------------------------------------------------------------------------- the commands

async function showYaml() {
  at("yaml-exact").hidden = now().state.changes.length > 0;
  at("yaml-goes-on").hidden = now().state.changes.length === 0;
  at("yaml-text").textContent = await getYaml(current);
}

async function openYaml() {
  await act({ do: "pause" });
  await showYaml();
  at("saved").textContent = "";
  at("yaml").showModal();
}

const toggle = () => act({ do: now()?.frame?.playing ? "pause" : "play" });
const press = (id) => () => at(id).click();
at("play").addEventListener("click", toggle);
for (const name of ["step", "batch", "reset", "seed", "clear"]) at(name).addEventListener("click", () => act({ do: name }));
at("speed").addEventListener("change", () => act({ do: "speed", value: Number(at("speed").value) }));
at("settings").addEventListener("submit", (event) => event.preventDefault());
at("show-yaml").addEventListener("click", openYaml);
at("save").addEventListener("click", async () => {
  await send({ network: current, do: "pause" });
  const reply = await act({ do: "save" });
  await showYaml();
  at("saved").textContent = reply.error ?? reply.text;
});
at("compare").addEventListener("click", () => act({ do: followers.has(2) ? "single" : "compare" }));
at("copy-link").addEventListener("click", () => copyLink(say));
for (const number of [1, 2]) at(`tab-${number}`).addEventListener("click", () => choose(number));
at("discretize").addEventListener("change", () => { seen.discretize = at("discretize").checked; drawAll(); });
at("log").addEventListener("change", () => { seen.log = at("log").checked; drawAll(); });
const letGo = () => {
  pinned = null;
  network.focus();
  see(null);
};
at("unit-close").addEventListener("click", letGo);
at("unit").addEventListener("keydown", (event) => { if (event.key === "Escape") letGo(); });
at("fewer").addEventListener("click", () => network.page.resize(now().state.hidden.slice(0, -1)));
at("more").addEventListener("click", () => network.page.resize([...now().state.hidden, now().state.hidden.at(-1) ?? 4]));
const removers = planes.map((plane, number) => plane && editPoints(plane, {
  act, target, drawn: drawAll, says: (text) => { at(`says-${number}`).textContent = text; },
}));
at("remove").addEventListener("click", () => (planes[2].chosen === null ? removers[1] : removers[2])());
listenToChoices(() => view, () => now()?.again());
at("fold").addEventListener("click", () => {
  at("fold").setAttribute("aria-pressed", !document.documentElement.classList.toggle("folded"));
});
listenToDialogs();
listenToKeys([
  [" ", "start and pause", toggle],
  ["e", "one epoch", press("step")],
  ["b", "one batch", press("batch")],
  ["r", "from the seed", press("reset")],
  ["n", "new seed", press("seed")],
  ["d", "classes only, or how sure, too", press("discretize")],
  ["g", "logarithmic axis of the loss", press("log")],
  ["c", "two networks side by side", press("compare")],
  ["y", "YAML", press("show-yaml")],
  ["s", "with or without the settings", press("fold")],
  ["f or l", "lecture mode", press("lecture")],
  ["?", "these keys", press("show-keys")],
]);
at("advised").addEventListener("click", (event) => { // the address holds the settings, and keeps them
  event.preventDefault();
  at("health-title").scrollIntoView();
});
at("loss").addEventListener("pointermove", sayLosses);
at("loss").addEventListener("pointerleave", () => { at("says-loss").textContent = ""; });
window.addEventListener("hashchange", openLink);
watch(document.querySelectorAll("main canvas"), drawAll);
at("compare").hidden = alone;
at("both").hidden = !alone;
if (alone) document.title = at("title").textContent = "mlp play: network B";
follow(current);
