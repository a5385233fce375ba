/** @file Keeps what is open in the browser; the module that does so is loaded after the page is seen. */

import { late } from "./late.js";

export class Keeping {
  #work;
  #failed;
  /** @type {import("./session.js").Session | null} */
  #session = null;

  /** @param {() => import("./session.js").Work} work @param {(count: number | null) => void} failed as of a Session */
  constructor(work, failed) {
    this.#work = work;
    this.#failed = failed;
  }

  get isKept() {
    return this.#session?.isKept ?? false;
  }

  /** Begin to keep what is done; what the last visit left. */
  async begin() {
    return (await this.#loaded()).begin();
  }

  /** Keep nothing any more, and delete what is kept. */
  async end() {
    await (await this.#loaded()).end();
  }

  async clear() {
    await this.#session?.clear();
  }

  save() {
    this.#session?.save();
  }

  retry() {
    this.#session?.retry();
  }

  async #loaded() {
    const { Session } = await late(() => import("./session.js"));
    this.#session ??= new Session(this.#work, this.#failed);
    return this.#session;
  }
}
