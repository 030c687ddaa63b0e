// The settings: controls that are made once and then follow the server, so that what is being typed is left alone.

import { make, short, written } from "./canvas.js";

const GROUPS = [["data", "Data"], ["network", "Network"], ["training", "Training"]];
const made = new Map(); // key -> the control on the page

/* Make the controls fit those of a state. act(command) sends a change and returns the reply. */
export function showControls(form, controls, act) {
  for (const [name, title] of GROUPS) {
    let group = form.querySelector(`[data-group="${name}"]`);
    if (!group) {
      group = make("fieldset", undefined, { "data-group": name });
      group.append(make("legend", title));
      form.append(group);
    }
    const wanted = controls.filter((setting) => (setting.group ?? "training") === name);
    const rows = wanted.map((setting) => {
      const key = `${setting.key} ${setting.kind ?? (setting.choices ? "choice" : "text")}`;
      if (!made.has(key)) made.set(key, KINDS[kindOf(setting)](setting, act));
      const control = made.get(key);
      control.update(setting);
      return control.row;
    });
    const present = [...group.querySelectorAll(":scope > .setting")];
    present.filter((row) => !rows.includes(row)).forEach((row) => row.remove());
    rows.forEach((row, i) => { // a row that is moved would lose the focus, so only those out of place are
      if (group.children[i + 1] !== row) group.insertBefore(row, group.children[i + 1] ?? null);
    });
    group.hidden = rows.length === 0;
  }
}

const kindOf = (setting) => setting.kind ?? (setting.choices ? "choice" : "text");

/* Return the parts that all kinds share: a row with label, control and problem, and a function that sends a value. */
function frame(setting, input, act) {
  const id = `set-${setting.key}`, row = make("div", undefined, { class: "setting" });
  const label = make("label", undefined, { for: id, title: setting.help });
  const restarts = make("span", "↺", { class: "restarts", "aria-hidden": "true", title: "starts again from the seed" });
  label.append(make("span", setting.label), restarts);
  const problem = make("p", "", { class: "problem", role: "alert", id: `problem-${setting.key}` });
  const note = make("span", "", { id: `note-${setting.key}`, class: "unseen" });
  problem.hidden = true;
  input.id = id;
  input.setAttribute("aria-describedby", `${note.id} ${problem.id}`);
  row.append(label, input, note, problem);
  let last = setting.value;
  const change = async (value) => {
    const reply = await act({ do: "change", key: setting.key, value });
    problem.textContent = reply.error ?? "";
    problem.hidden = !reply.error;
    input.setAttribute("aria-invalid", Boolean(reply.error));
    return reply;
  };
  const update = (fresh) => {
    const again = fresh.effect !== "goes on";
    restarts.hidden = !again;
    note.textContent = again ? "Starts again from the seed." : "Training goes on.";
    const same = fresh.value === last;
    last = fresh.value;
    if (!same) { // what was wrong with the last value is of no interest now
      problem.hidden = true;
      input.setAttribute("aria-invalid", false);
    }
    return same;
  };
  return { row, label, change, update, value: () => last, isWrong: () => !problem.hidden };
}

function makeText(setting, act) {
  const input = make("input", undefined, { autocomplete: "off", spellcheck: "false", maxlength: "200" });
  const base = frame(setting, input, act);
  let suggestions = null;
  let typing = false; // whether there is something that has not been sent
  input.addEventListener("input", () => { typing = true; });
  input.addEventListener("change", () => { typing = false; base.change(input.value); });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    typing = false;
    input.value = base.value();
  });
  const update = (fresh) => {
    const same = base.update(fresh);
    if (!typing && !(same && input.value)) input.value = fresh.value;
    if (fresh.suggestions && !suggestions) {
      suggestions = make("datalist", undefined, { id: `list-${setting.key}` });
      for (const value of fresh.suggestions) suggestions.append(make("option", undefined, { value }));
      base.row.append(suggestions);
      input.setAttribute("list", suggestions.id);
    }
  };
  return { row: base.row, update };
}

function makeChoice(setting, act) {
  const select = make("select"), base = frame(setting, select, act);
  let offered = "";
  select.addEventListener("change", async () => {
    if ((await base.change(select.value)).error) select.value = base.value();
  });
  const update = (fresh) => {
    base.update(fresh);
    const wanted = JSON.stringify(fresh.choices);
    if (wanted !== offered) {
      offered = wanted;
      select.replaceChildren(...fresh.choices.map(([value, text]) => make("option", text, { value })));
    }
    if (select.value !== fresh.value) select.value = fresh.value;
  };
  return { row: base.row, update };
}

/* A slider with a field beside it: the slider for the hand, the field for the exact value. */
function makeSlider(setting, act) {
  const field = make("input", undefined, { autocomplete: "off", spellcheck: "false", maxlength: "200", class: "exact" });
  const base = frame(setting, field, act);
  const slider = make("input", undefined, { type: "range", "aria-label": `${setting.label}, slider` });
  base.row.classList.add("sliding");
  base.row.insertBefore(slider, field);
  let bounds = setting, typing = false, sliding = false, due = 0;
  const logarithmic = () => bounds.scale === "log";
  const valueOf = (place) => {
    if (!logarithmic()) return Number(Number(place).toPrecision(6));
    return Number(place) <= 0 ? 0 : Number((bounds.low * (bounds.high / bounds.low) ** Number(place)).toPrecision(2));
  };
  const placeOf = (value) => {
    if (!logarithmic()) return value;
    return value <= 0 ? 0 : Math.log(value / bounds.low) / Math.log(bounds.high / bounds.low);
  };
  const told = (value) => { slider.setAttribute("aria-valuetext", short(value).replace("−", "-")); };
  slider.addEventListener("input", () => {
    sliding = true;
    const value = valueOf(slider.value);
    field.value = String(value);
    told(value);
    clearTimeout(due);
    due = setTimeout(() => { sliding = false; base.change(String(valueOf(slider.value))); }, 120);
  });
  field.addEventListener("input", () => { typing = true; });
  field.addEventListener("change", () => { typing = false; base.change(field.value); });
  const update = (fresh) => {
    bounds = fresh;
    base.update(fresh);
    if (logarithmic()) Object.assign(slider, { min: 0, max: 1, step: 0.01 });
    else Object.assign(slider, { min: fresh.low, max: fresh.high, step: fresh.step ?? "any" });
    if (sliding) return;
    const value = Number(fresh.value);
    if (Number.isFinite(value)) { slider.value = placeOf(value); told(value); }
    if (!typing && !base.isWrong()) field.value = fresh.value;
  };
  return { row: base.row, update };
}

/* Several things that are on or off, as the inputs of the network. */
function makeChecks(setting, act) {
  const box = make("div", undefined, { class: "checks", role: "group", "aria-label": setting.label, tabindex: "-1" });
  const base = frame(setting, box, act);
  base.label.removeAttribute("for");
  const boxes = new Map();
  let offered = "";
  const send_ = async (check) => {
    const on = [...boxes].filter(([, each]) => each.checked).map(([value]) => value);
    if ((await base.change(on.join(", "))).error) check.checked = !check.checked;
  };
  const update = (fresh) => {
    base.update(fresh);
    const on = fresh.value.split(",").map((name) => name.trim());
    const wanted = JSON.stringify(fresh.choices);
    if (wanted !== offered) {
      offered = wanted;
      box.replaceChildren();
      boxes.clear();
    }
    for (const [value, text] of fresh.choices) {
      if (!boxes.has(value)) {
        const label = make("label"), check = make("input", undefined, { type: "checkbox", value });
        check.addEventListener("change", () => send_(check));
        const name = written(text);
        label.append(check, make("span", name.length > 24 ? value : name));
        label.title = name;
        box.append(label);
        boxes.set(value, check);
      }
      boxes.get(value).checked = on.includes(value);
    }
  };
  return { row: base.row, update };
}

const KINDS = { text: makeText, choice: makeChoice, slider: makeSlider, checks: makeChecks };
