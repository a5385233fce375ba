/** @file The API key: asked for once, tried at once, and kept in the tab, or on the device where that is wanted. */

import { box, button, element } from "./element.js";
import { ServerError } from "./failure.js";
import { late } from "./late.js";
import { texts } from "./texts.js";

const STORED = "image-erase-key";
const INVITATION = "#key=";

export class KeyDialog {
  #dialog;
  #value;
  #remember;
  #error;
  /** @type {((key: string | null) => void) | null} */
  #done = null;
  // Counts attempts, so that a late answer is ignored.
  #tries = 0;

  /** @param {HTMLDialogElement} dialog @param {string} base */
  constructor(dialog, base) {
    this.#dialog = dialog;
    this.#value = element("key-value", HTMLInputElement, dialog);
    this.#remember = element("key-remember", HTMLInputElement, dialog);
    this.#error = box("key-error", dialog);
    element("key-form", HTMLFormElement, dialog).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(base);
    });
    button("key-forget", dialog).addEventListener("click", () => this.#forget());
    dialog.addEventListener("close", () => this.#closed());
    this.#takeInvitation();
    addEventListener("hashchange", () => this.#takeInvitation());
  }

  get key() {
    return sessionStorage.getItem(STORED) ?? localStorage.getItem(STORED);
  }

  /**
   * Ask for the key. why: what was wrong with the last one.
   * @returns {Promise<string | null>} null: none is given
   */
  ask(why = "") {
    this.#error.textContent = why;
    this.#remember.checked = localStorage.getItem(STORED) !== null;
    this.#dialog.showModal();
    this.#value.focus();
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Drop a key that the server doesn't take. */
  drop() {
    for (const storage of [sessionStorage, localStorage]) storage.removeItem(STORED);
  }

  // Take the key of a link like `…/#key=…` out of the address. What stands behind # is never sent to a server.
  #takeInvitation() {
    if (!location.hash.startsWith(INVITATION)) return;
    const key = decoded(location.hash.slice(INVITATION.length)).trim();
    history.replaceState(history.state, "", location.pathname + location.search);
    if (key) this.#keep(key, false);
  }

  /** @param {string} key @param {boolean} onDevice */
  #keep(key, onDevice) {
    this.drop();
    (onDevice ? localStorage : sessionStorage).setItem(STORED, key);
  }

  /** @param {string} base */
  async #try(base) {
    const key = this.#value.value.trim();
    const number = ++this.#tries;
    this.#error.textContent = "";
    try {
      const { checkKey } = await late(() => import("./client.js"));
      await checkKey({ base, key });
      if (number !== this.#tries) return;
      this.#keep(key, this.#remember.checked);
      this.#dialog.close();
    } catch (error) {
      if (number !== this.#tries) return;
      this.#error.textContent = error instanceof ServerError ? error.message : texts.unreachable;
      this.#value.focus();
    }
  }

  #closed() {
    this.#tries++;
    this.#value.value = "";
    this.#done?.(this.key);
    this.#done = null;
  }

  #forget() {
    this.drop();
    this.#dialog.close();
  }
}

/** The text that a part of an address stands for, itself where it is encoded wrongly. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
