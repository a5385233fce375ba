/** @file Numbers as the page's language writes them. */

/** @param {number} value @param {number} [digits] behind the point */
export function decimal(value, digits = 0) {
  // The digits that keys and file names have, also in Arabic.
  const options = { numberingSystem: "latn", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(value);
}

/**
 * The form of a word that goes with a number.
 *
 * @param {number} count
 * @param {Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }} forms
 */
export function plural(count, forms) {
  return forms[new Intl.PluralRules(document.documentElement.lang).select(count)] ?? forms.other;
}
