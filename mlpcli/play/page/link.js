// The link that holds the settings: kept in the address, copied, and used where it is opened.

import { at } from "./canvas.js";

let offered = false; // whether the user is being asked; meanwhile the address stays as it is

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
export function useLink(state, frame, act) {
  const wanted = fromAddress();
  const differs = wanted && Object.keys({ ...wanted, ...state.link }).some((key) => wanted[key] !== state.link[key]);
  if (!differs) return;
  const use = () => act({ do: "link", settings: wanted });
  const untouched = frame.epoch === 0 && !frame.batches && !state.changes.length && !Object.keys(state.link).length;
  if (untouched) {
    use();
    return;
  }
  offered = true;
  const names = Object.fromEntries(state.controls.map(({ key, label }) => [key, label]));
  const list = Object.entries(wanted).map(([key, value]) => `${names[key] ?? key} ${value}`).join(", ").slice(0, 300);
  at("offer-text").textContent = `This link sets: ${list}. Training would start again from the seed.`;
  at("offer").hidden = false;
  const answer = (yes) => () => {
    dropLink();
    if (yes) use();
    else showLink(state.link);
  };
  at("offer-yes").onclick = answer(true);
  at("offer-no").onclick = answer(false);
}
