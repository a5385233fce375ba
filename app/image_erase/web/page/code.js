// Shows the call that the page makes as programs in a few languages.

import { snippets } from "./snippets.js";

export class CodeDialog {
  #dialog;
  #tabs;
  #panel;
  #said;
  #snippets = [];

  constructor(dialog) {
    this.#dialog = dialog;
    this.#tabs = dialog.querySelector("#code-tabs");
    this.#panel = dialog.querySelector("#code-panel");
    this.#said = dialog.querySelector("#code-said");
    this.#tabs.addEventListener("click", (event) => event.target !== this.#tabs && this.#select(event.target.id.slice(5)));
    this.#tabs.addEventListener("keydown", (event) => this.#key(event));
    dialog.querySelector("#code-copy").addEventListener("click", () => this.#copy());
  }

  /** @param {{url: string, imageName: string, maskName: string}} call */
  show(call) {
    this.#snippets = snippets(call);
    this.#tabs.replaceChildren(...this.#snippets.map(tab));
    this.#select(this.#snippets[0].id);
    this.#dialog.showModal();
  }

  #select(id) {
    for (const each of this.#tabs.children) {
      const chosen = each.id === `code-${id}`;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
    }
    this.#said.textContent = "";
    this.#panel.setAttribute("aria-labelledby", `code-${id}`);
    this.#panel.textContent = this.#snippets.find((snippet) => snippet.id === id).code;
  }

  #key(event) {
    const tabs = [...this.#tabs.children];
    const at = tabs.indexOf(event.target);
    const index = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
    if (at < 0 || index === undefined) return;
    event.preventDefault();
    const next = tabs.at(index % tabs.length);
    this.#select(next.id.slice(5));
    next.focus();
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#panel.textContent);
      this.#said.textContent = "Copied";
    } catch {
      // Browsers give the clipboard to secure pages only; selected, it is one key away.
      getSelection().selectAllChildren(this.#panel);
      this.#said.textContent = "Selected. Copy it with Control and C.";
    }
  }
}

function tab({ id, label }) {
  const button = document.createElement("button");
  button.type = "button";
  button.id = `code-${id}`;
  button.setAttribute("role", "tab");
  button.setAttribute("aria-controls", "code-panel");
  button.textContent = label;
  return button;
}
