// Talks with the server: sends commands, and asks for states and frames, over and over.

export const MISSING = "There is no network B. The button Compare begins one.";
export const STOPPED = "The server has stopped. Start mlp play again; this page then goes on by itself.";

/* Send a command; return the server's reply, or {error} in words. */
export async function send(command) {
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

export async function getState(network) {
  return (await fetch(`state?network=${network}`)).json();
}

export async function getYaml(network) {
  return (await fetch(`yaml?network=${network}`)).text();
}

const painted = () => new Promise(requestAnimationFrame);
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

/* Follows one network: asks for its next frame while the last one is drawn, so that the server computes only
   frames that are shown. A hidden tab paints nothing, so it asks for nothing.

   query() returns what the page wants to see; shows.state and shows.frame get the answers; shows.lost is called
   with what is wrong, or "". */
export class Follower {
  constructor(network, query, shows) {
    Object.assign(this, { network, query, shows, state: null, frame: null, ended: false });
    this.run();
  }

  request(seen) {
    this.waiting = new AbortController();
    const query = new URLSearchParams({ network: this.network, after: seen, ...this.query(this.network) });
    const coming = this.get(`frame?${query}`, this.waiting.signal);
    coming.catch(() => {}); // errors are handled where it is awaited
    return coming;
  }

  async get(address, signal) {
    const response = await fetch(address, { signal });
    if (response.status === 404) throw new Error(MISSING);
    if (response.status !== 200 && response.status !== 204) throw new Error(`status ${response.status}`);
    return response.status === 200 ? response.json() : null;
  }

  /* Ask at once for a frame of what the page now wants to see. */
  again() {
    this.waiting?.abort();
  }

  end() {
    this.ended = true;
    this.again();
  }

  async run() {
    let seen = 0, coming = this.request(seen);
    while (!this.ended) {
      try {
        const next = await coming;
        if (next) seen = next.version;
        coming = this.request(seen);
        if (next && await this.catchUp(next)) {
          await painted();
          if (this.ended) return;
          this.frame = next;
          this.shows.frame(this);
        }
        this.shows.lost("");
      } catch (error) {
        if (this.ended) return;
        if (error.name !== "AbortError") {
          this.shows.lost(error.message === MISSING ? MISSING : STOPPED);
          await pause(2);
        }
        seen = 0;
        coming = this.request(seen);
      }
    }
  }

  /* Return whether the state belongs to a frame, after getting a new one if there is one. */
  async catchUp(frame) {
    if (this.state?.build === frame.build) return true;
    const fresh = await getState(this.network);
    if (fresh.build !== frame.build) return false;
    this.state = fresh;
    this.shows.state(this);
    return true;
  }
}
