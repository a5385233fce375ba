/** @file Shows the call that the page makes as programs in a few languages. */

import { box, button } from "./element.js";
import { snippets } from "./snippets.js";
import { texts } from "./texts.js";

export class CodeDialog {
  #dialog;
  #tabs;
  #panel;
  #said;
  /** @type {ReturnType<typeof snippets>} */
  #snippets = [];

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.#dialog = dialog;
    this.#tabs = box("code-tabs", dialog);
    this.#panel = box("code-panel", dialog);
    this.#said = box("code-said", dialog);
    this.#tabs.addEventListener("click", ({ target }) => {
      if (target instanceof HTMLButtonElement) this.#select(target.id.slice(5));
    });
    this.#tabs.addEventListener("keydown", (event) => this.#key(event));
    button("code-copy", dialog).addEventListener("click", () => this.#copy());
  }

  /** @param {{url: string, imageName: string, maskName: string}} call */
  show(call) {
    this.#snippets = snippets(call);
    this.#tabs.replaceChildren(...this.#snippets.map(tab));
    this.#select(this.#snippets[0].id);
    this.#dialog.showModal();
  }

  get #buttons() {
    return /** @type {HTMLButtonElement[]} */ ([...this.#tabs.children]);
  }

  /** @param {string} id */
  #select(id) {
    for (const each of this.#buttons) {
      const chosen = each.id === `code-${id}`;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
    }
    this.#said.textContent = "";
    this.#panel.setAttribute("aria-labelledby", `code-${id}`);
    this.#panel.textContent = this.#snippets.find((snippet) => snippet.id === id)?.code ?? "";
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const tabs = this.#buttons;
    const at = tabs.findIndex((tab) => tab === event.target);
    const index = new Map([["ArrowLeft", at - 1], ["ArrowRight", at + 1], ["Home", 0], ["End", -1]]).get(event.key);
    if (at < 0 || index === undefined) return;
    event.preventDefault();
    const next = tabs.at(index % tabs.length);
    if (!next) return;
    this.#select(next.id.slice(5));
    next.focus();
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#panel.textContent ?? "");
      this.#said.textContent = texts.copied;
    } catch {
      // Browsers allow the clipboard in secure pages only; selected text can be copied by one key.
      getSelection()?.selectAllChildren(this.#panel);
      this.#said.textContent = texts.copyByHand;
    }
  }
}

/** @param {{ id: string, label: string }} snippet */
function tab({ id, label }) {
  const button = document.createElement("button");
  button.type = "button";
  button.id = `code-${id}`;
  button.setAttribute("role", "tab");
  button.setAttribute("aria-controls", "code-panel");
  button.textContent = label;
  return button;
}
