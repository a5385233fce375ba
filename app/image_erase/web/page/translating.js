/** @file Translates the texts that stand in the document itself. */

const ATTRIBUTES = ["title", "aria-label", "placeholder", "alt"];
const AS_THEY_ARE = "code, pre, script, style, svg";
// Signs and single letters, as on keys, are the same in every language.
const WORD = /\p{L}{2}/u;

/**
 * @typedef {{ english: string, shown: string, read(): string, write(text: string): void }} Text read: what stands
 *   there now
 */

export class DocumentTexts {
  /** @type {Text[]} */
  #texts = [];

  /**
   * Find all texts below an element, which are in English.
   *
   * The text of an element that has other elements between its words holds their place with their number, as `{0}`,
   * so that a translation can put them elsewhere.
   *
   * @param {Element} root
   */
  constructor(root) {
    for (const each of root.querySelectorAll("*")) {
      if (each.closest(AS_THEY_ARE)) continue;
      for (const name of ATTRIBUTES) if (each.hasAttribute(name)) this.#add(attributeOf(each, name));
      this.#add(contentOf(each));
    }
  }

  /** The English texts, each once. */
  get english() {
    return [...new Set(this.#texts.map(({ english }) => english))];
  }

  /** Show them in a language. What a program has written meanwhile stays. @param {Record<string, string>} translations */
  translate(translations) {
    for (const text of this.#texts) {
      if (text.read() !== text.shown) continue;
      const shown = translations[text.english] ?? text.english;
      if (shown !== text.shown) text.write(shown);
      text.shown = shown;
    }
  }

  /** @param {{ read(): string, write(text: string): void }} text */
  #add(text) {
    const english = text.read();
    if (WORD.test(english)) this.#texts.push({ ...text, english, shown: english });
  }
}

/** @param {Element} element @param {string} name */
function attributeOf(element, name) {
  return {
    read: () => element.getAttribute(name) ?? "",
    /** @param {string} text */
    write: (text) => element.setAttribute(name, text),
  };
}

/** @param {Element} element */
function contentOf(element) {
  const children = [...element.children];
  const [before, after] = [/^\s+/, /\s+$/].map((blank) => (blank.test(element.textContent ?? "") ? " " : ""));
  /** @param {ChildNode} node */
  const partOf = (node) => (node instanceof Element ? `{${children.indexOf(node)}}` : node.textContent);
  return {
    read: () => {
      const nodes = [...element.childNodes].filter(({ nodeType }) => nodeType !== Node.COMMENT_NODE);
      if (!nodes.some((node) => node instanceof Text && node.data.trim())) return "";
      return nodes.map(partOf).join("").replace(/[ \t\r\n]+/g, " ").trim();
    },
    /** @param {string} text */
    write: (text) => {
      const parts = text.split(/\{(\d+)\}/).map((part, index) => (index % 2 ? children[Number(part)] : part));
      element.replaceChildren(before, ...parts, after);
    },
  };
}
