/** @file Which language the page is in: the one that was chosen in it, or the first of the browser's that it has. */

import { setTexts } from "./texts.js";

/**
 * @typedef {{ name: string, dir?: "rtl", load?(): Promise<{ texts: import("./texts.js").Texts,
 *   page: Record<string, string> }> }} Language name: in the language itself. page: texts of the document by the
 *   English ones.
 */

/** By their tags, in the order in which they are offered. @type {Record<string, Language>} */
export const LANGUAGES = {
  en: { name: "English" },
  de: { name: "Deutsch", load: () => import("./texts/de.js") },
  es: { name: "Español", load: () => import("./texts/es.js") },
  fr: { name: "Français", load: () => import("./texts/fr.js") },
  ar: { name: "العربية", dir: "rtl", load: () => import("./texts/ar.js") },
  ja: { name: "日本語", load: () => import("./texts/ja.js") },
  "zh-Hans": { name: "简体中文", load: () => import("./texts/zh-Hans.js") },
};
const FALLBACK = "en";
const STORED = "image-erase-language";
// Without the network, the page still works in English.
const PATIENCE_MS = 3000;

export class Languages {
  #select;
  /** @type {import("./translating.js").DocumentTexts | null} */
  #document = null;
  // Counts changes, so that a file that arrives late is ignored.
  #changes = 0;

  /** Told when the texts are in another language than they were. */
  changed = () => {};

  /** @param {HTMLSelectElement} select offers the languages */
  constructor(select) {
    this.#select = select;
    for (const [tag, { name }] of Object.entries(LANGUAGES)) {
      const option = new Option(name, tag);
      option.lang = tag;
      select.add(option);
    }
    select.addEventListener("change", () => {
      localStorage.setItem(STORED, select.value);
      this.#show(select.value);
    });
  }

  /** Show the language that is wanted: at once, or in English until the network gives it. */
  async start() {
    const chosen = localStorage.getItem(STORED) ?? "";
    const tag = Object.hasOwn(LANGUAGES, chosen) ? chosen : languageFor(navigator.languages);
    if (tag === FALLBACK) return this.#note(tag);
    await Promise.race([this.#show(tag), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  }

  /** @param {string} tag */
  async #show(tag) {
    const change = ++this.#changes;
    // The menu already shows the new language.
    this.#select.value = tag;
    const [translating, file] = await Promise.all([import("./translating.js"), LANGUAGES[tag].load?.()]).catch(() => []);
    if (change !== this.#changes) return;
    this.#note(translating ? tag : FALLBACK);
    setTexts(file?.texts ?? {});
    this.#document ??= translating ? new translating.DocumentTexts(document.documentElement) : null;
    this.#document?.translate(file?.page ?? {});
    this.changed();
  }

  /** @param {string} tag */
  #note(tag) {
    this.#select.value = tag;
    document.documentElement.lang = tag;
    document.documentElement.dir = LANGUAGES[tag].dir ?? "ltr";
  }
}

/**
 * The first language of a list that the page has, in whatever country or script.
 *
 * @param {readonly string[]} wanted language tags, the preferred first
 * @returns {string} English where it has none
 */
export function languageFor(wanted) {
  /** @param {string} tag */
  const languageOf = (tag) => tag.toLowerCase().split("-")[0];
  const tags = Object.keys(LANGUAGES);
  for (const each of wanted) {
    const found = tags.find((tag) => languageOf(tag) === languageOf(each));
    if (found) return found;
  }
  return FALLBACK;
}
