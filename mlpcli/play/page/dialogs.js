// The dialogs, the lecture mode, and the keys.

import { at, make } from "./canvas.js";

export function setLecture(on) {
  document.documentElement.classList.toggle("lecture", on);
  at("lecture").setAttribute("aria-pressed", on);
  if (on && !document.fullscreenElement) document.documentElement.requestFullscreen?.().catch(() => {});
  if (!on && document.fullscreenElement) document.exitFullscreen?.().catch(() => {});
}

/* Let keys do what buttons do. keys is a list of [key, or "key or key", what it does in words, function]. */
export function listenToKeys(keys) {
  at("keys-list").replaceChildren(...keys.map(([key, words]) => {
    const row = make("tr"), cell = make("td");
    cell.append(...key.split(" or ").flatMap((each, i) => [i ? " or " : "", make("kbd", each === " " ? "Space" : each.toUpperCase())]));
    row.append(cell, make("td", words));
    return row;
  }));
  let pressed = null; // the control that was last used with the mouse; the space bar is not meant for it
  document.addEventListener("pointerdown", (event) => { pressed = event.target.closest("button, input, label, canvas"); }, true);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Tab") pressed = null;
    const target = event.target, typing = target.matches("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");
    if (typing) return;
    if (event.key === " " && target.matches("button, input, select") && !pressed?.contains(target)) return;
    const found = keys.find(([key]) => key.split(" or ").includes(event.key.toLowerCase()));
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
}

export function listenToDialogs() {
  at("lecture").addEventListener("click", () => setLecture(!document.documentElement.classList.contains("lecture")));
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && document.documentElement.classList.contains("lecture")) setLecture(false);
  });
  at("show-keys").addEventListener("click", () => at("keys").showModal());
  for (const name of ["keys", "yaml"]) at(`${name}-close`).addEventListener("click", () => at(name).close());
}
