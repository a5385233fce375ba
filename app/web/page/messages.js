// What the page says: passing news, and what went wrong with what can be done about it.

const NEWS_SECONDS = 6;

export class Messages {
  #status;
  #alert;
  #text;
  #action;
  #timer = 0;
  #act = null;

  constructor({ status, alert }) {
    this.#status = status;
    this.#alert = alert;
    this.#text = alert.querySelector("#alert-text");
    this.#action = alert.querySelector("#alert-action");
    alert.querySelector("#alert-close").addEventListener("click", () => this.clear());
    this.#action.addEventListener("click", () => this.#do());
  }

  /** Say what has happened, for a while. */
  say(text) {
    clearTimeout(this.#timer);
    this.#status.textContent = text;
    this.#timer = setTimeout(() => (this.#status.textContent = ""), NEWS_SECONDS * 1000);
  }

  /** Say what went wrong until it is closed. action: what a button offers. @param {{label: string, act(): void}} [action] */
  fail(text, action) {
    this.#act = action?.act ?? null;
    this.#action.textContent = action?.label ?? "";
    this.#action.hidden = !action;
    this.#alert.hidden = false;
    this.#text.textContent = text;
  }

  clear() {
    this.#alert.hidden = true;
    this.#text.textContent = "";
  }

  #do() {
    this.clear();
    this.#act?.();
  }
}
