// The link that holds the settings: kept in the address, copied, and used where it is opened.

import { at } from "./canvas.js";

let offered = false; // whether the user is being asked; meanwhile the address stays as it is

const OF_B = "B.", BOTH = "compare"; // begins the keys of network B; says that there are two networks

/* Return what a link holds: the settings of the first network, and while two are compared those of the second. */
export function linkOf(first, second) {
  if (!second) return first;
  return { ...first, [BOTH]: "", ...Object.fromEntries(Object.entries(second).map(([key, text]) => [OF_B + key, text])) };
}

/* Return the command that takes a link. */
function command(link) {
  const { [BOTH]: both, ...rest } = link, entries = Object.entries(rest);
  const settings = Object.fromEntries(entries.filter(([key]) => !key.startsWith(OF_B)));
  const ofB = entries.filter(([key]) => key.startsWith(OF_B)).map(([key, text]) => [key.slice(OF_B.length), text]);
  return { do: "link", settings, ...(both === undefined ? {} : { second: Object.fromEntries(ofB) }) };
}

/* Return the settings that the address holds, as {key: text}; null if it holds none. */
function fromAddress() {
  const found = [...new URLSearchParams(location.hash.replace(/^#/, ""))];
  return found.length ? Object.fromEntries(found) : null;
}

/* Keep the settings in the address, so that the address is the link. */
export function showLink(settings) {
  if (offered) return;
  const hash = new URLSearchParams(settings).toString();
  if (location.hash.replace(/^#/, "") !== hash) {
    history.replaceState(null, "", `${location.pathname}${location.search}${hash ? `#${hash}` : ""}`);
  }
}

export async function copyLink(say) {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied. It sets these settings in any mlp play that was started the same way at this address.");
  } catch {
    say(`The link is in the address line: ${location.href}`);
  }
}

/* Ask no longer. */
export function dropLink() {
  offered = false;
  at("offer").hidden = true;
}

/* Use the settings of the address if they differ from those of the page: at once if nothing has been done yet, or else
   if the user wants it. Another page may have made the link, so it does not end what was trained without a question. */
export function useLink(link, state, frame, act) {
  const wanted = fromAddress();
  const differs = wanted && Object.keys({ ...wanted, ...link }).some((key) => wanted[key] !== link[key]);
  if (!differs) return;
  const use = () => act(command(wanted));
  const untouched = frame.epoch === 0 && !frame.batches && !state.changes.length && !Object.keys(link).length;
  if (untouched) {
    use();
    return;
  }
  offered = true;
  const names = Object.fromEntries(state.controls.map(({ key, label }) => [key, label]));
  const name = (key) => (key.startsWith(OF_B) ? `B: ${name(key.slice(OF_B.length))}` : key === BOTH ? "two networks" : names[key] ?? key);
  const list = Object.entries(wanted).map(([key, value]) => `${name(key)} ${value}`.trim()).join(", ").slice(0, 300);
  at("offer-text").textContent = `This link sets: ${list}. Training would start again from the seed.`;
  at("offer").hidden = false;
  const answer = (yes) => () => {
    dropLink();
    if (yes) use();
    else showLink(link);
  };
  at("offer-yes").onclick = answer(true);
  at("offer-no").onclick = answer(false);
}
