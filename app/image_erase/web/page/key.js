/** @file The API key: asked for once, tried at once, and kept in the tab's session storage only. */

import { ServerError, checkKey } from "./client.js";
import { box, button, element } from "./element.js";

const STORED = "image-erase-key";

export class KeyDialog {
  #dialog;
  #value;
  #error;
  /** @type {((key: string | null) => void) | null} */
  #done = null;
  // Counts what was tried and given up, so that a late answer changes nothing any more.
  #tries = 0;

  /** @param {HTMLDialogElement} dialog @param {string} base */
  constructor(dialog, base) {
    this.#dialog = dialog;
    this.#value = element("key-value", HTMLInputElement, dialog);
    this.#error = box("key-error", dialog);
    element("key-form", HTMLFormElement, dialog).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(base);
    });
    button("key-forget", dialog).addEventListener("click", () => this.#forget());
    dialog.addEventListener("close", () => this.#closed());
  }

  get key() {
    return sessionStorage.getItem(STORED);
  }

  /**
   * Ask for the key. why: what was wrong with the last one.
   * @returns {Promise<string | null>} null: none is given
   */
  ask(why = "") {
    this.#error.textContent = why;
    this.#dialog.showModal();
    this.#value.focus();
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Drop a key that the server doesn't take. */
  drop() {
    sessionStorage.removeItem(STORED);
  }

  /** @param {string} base */
  async #try(base) {
    const key = this.#value.value.trim();
    const number = ++this.#tries;
    this.#error.textContent = "";
    try {
      await checkKey({ base, key });
      if (number !== this.#tries) return;
      sessionStorage.setItem(STORED, key);
      this.#dialog.close();
    } catch (error) {
      if (number !== this.#tries) return;
      this.#error.textContent = error instanceof ServerError ? error.message : "The server cannot be reached.";
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
