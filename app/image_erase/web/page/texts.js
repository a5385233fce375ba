/** @file The texts that the page's modules show, in the language that is chosen. */

import { EN } from "./texts/en.js";

/** @typedef {typeof EN} Texts */

/** They change with the language: to be read when they are shown. */
export const texts = { ...EN };

/** Show other texts from now on, the English ones where one is missing. @param {Partial<Texts>} chosen */
export function setTexts(chosen) {
  Object.assign(texts, EN, chosen, { problems: { ...EN.problems, ...chosen.problems } });
}
