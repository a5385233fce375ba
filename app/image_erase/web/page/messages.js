/** @file What the page says: passing news, and what went wrong with what can be done about it. */

import { box, button, element } from "./element.js";

const NEWS_SECONDS = 6;

/** @typedef {{ label: string, act(): void }} Action */

export class Messages {
  #status;
  #said;
  #alert;
  #text;
  #more;
  #detail;
  #action;
  #timer = 0;
  /** @type {(() => void) | null} */
  #act = null;
  /** @type {Element | null} */
  #focused = null;

  /** @param {{status: HTMLElement, said: HTMLElement, alert: HTMLElement}} elements status: shows news; said: lets
   *   screen readers say them, and has to be there before the first */
  constructor({ status, said, alert }) {
    this.#status = status;
    this.#said = said;
    this.#alert = alert;
    this.#text = box("alert-text", alert);
    this.#more = element("alert-more", HTMLDetailsElement, alert);
    this.#detail = box("alert-detail", alert);
    this.#action = button("alert-action", alert);
    button("alert-close", alert).addEventListener("click", () => this.clear());
    this.#action.addEventListener("click", () => this.#do());
  }

  /** Say what has happened, for a while. @param {string} text */
  say(text) {
    clearTimeout(this.#timer);
    this.#pass(text);
    this.#timer = setTimeout(() => this.#pass(""), NEWS_SECONDS * 1000);
  }

  /** Say to screen readers what is plain to see on the picture. @param {string} text */
  tell(text) {
    // The same text again would not be announced.
    this.#said.textContent = text === this.#said.textContent ? `${text}\u00a0` : text;
  }

  /**
   * Say what went wrong until it is closed.
   *
   * @param {string} text
   * @param {Action} [action] what a button offers
   * @param {string} [detail] what else there is to know, one click away
   */
  fail(text, action, detail = "") {
    this.#alert.classList.remove("good");
    this.#show(text, action, detail);
  }

  /** Say what was done and what can be done next, until it is closed. @param {string} text @param {Action} action */
  offer(text, action) {
    this.#alert.classList.add("good");
    this.#show(text, action);
  }

  /** @param {string} text @param {Action} [action] @param {string} [detail] */
  #show(text, action, detail = "") {
    this.#more.hidden = !detail;
    this.#more.open = false;
    this.#detail.textContent = detail;
    this.#act = action?.act ?? null;
    this.#focused = document.activeElement;
    this.#action.textContent = action?.label ?? "";
    this.#action.hidden = !action;
    this.#alert.hidden = false;
    this.#text.textContent = text;
  }

  clear() {
    const focused = this.#alert.contains(document.activeElement);
    this.#alert.hidden = true;
    this.#text.textContent = "";
    if (focused) this.#giveBack();
  }

  /** @param {string} text */
  #pass(text) {
    this.#status.textContent = text;
    this.tell(text);
  }

  // The focus returns to where it was when the message came, if that can still be focused.
  #giveBack() {
    if (this.#focused instanceof HTMLElement && !this.#alert.contains(this.#focused)) this.#focused.focus();
    if (document.activeElement === document.body) document.querySelector("main")?.focus();
  }

  #do() {
    this.clear();
    this.#act?.();
  }
}
