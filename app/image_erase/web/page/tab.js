/** @file Which session is this tab's, and which ones other tabs have open. */

const STORED = "image-erase-session";
const CHANNEL = "image-erase";
// Tabs of one browser answer within a few milliseconds.
const PATIENCE_MS = 150;
// A page that is being left may still answer.
const TRIES = 4;
const PAUSE_MS = 400;

export class Tab {
  #channel = new BroadcastChannel(CHANNEL);
  #id = sessionStorage.getItem(STORED) ?? "";
  #mine = false;

  constructor() {
    // A page that is left, but might come back, has nothing open.
    let left = false;
    addEventListener("pagehide", () => {
      left = true;
    });
    addEventListener("pageshow", () => {
      left = false;
    });
    this.#channel.addEventListener("message", ({ data }) => {
      if (this.#mine && !left && data.asked === this.#id) this.#channel.postMessage({ open: this.#id });
    });
  }

  /** Whether a session is what this tab had open; a new tab may take any. @param {string} id */
  mayTake(id) {
    return !this.#id || id === this.#id;
  }

  get id() {
    if (!this.#mine) this.take(this.#id || newId());
    return this.#id;
  }

  /** Begin a session of its own. */
  renew() {
    this.take(newId());
  }

  /** Go on with a session. @param {string} id */
  take(id) {
    this.#id = id;
    this.#mine = true;
    sessionStorage.setItem(STORED, id);
  }

  /** Whether another tab has a session open, and goes on having it. @param {string} id @returns {Promise<boolean>} */
  async isOpenElsewhere(id) {
    for (let tries = 1; await this.#isAnswered(id); tries++) {
      if (tries === TRIES) return true;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return false;
  }

  /** @param {string} id @returns {Promise<boolean>} */
  #isAnswered(id) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), PATIENCE_MS);
      /** @param {MessageEvent} event */
      const hear = ({ data }) => data.open === id && done(true);
      /** @param {boolean} open */
      const done = (open) => {
        clearTimeout(timer);
        this.#channel.removeEventListener("message", hear);
        resolve(open);
      };
      this.#channel.addEventListener("message", hear);
      this.#channel.postMessage({ asked: id });
    });
  }
}

function newId() {
  return crypto.getRandomValues(new Uint32Array(3)).join("-");
}
