/** @file Programs to paste that do by the API what was just done by hand. */

const ERASE_PATH = "erase";
// Characters that act, hide or reorder text in a string literal that is shown or pasted.
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * @param {{ url: string, imageName: string, maskName: string }} names url: the server's address, with a slash at its
 *   end. The files are taken from the folder in which the program runs.
 * @returns {{ id: string, label: string, code: string }[]}
 */
export function snippets({ url, imageName, maskName }) {
  const names = { url: url + ERASE_PATH, image: imageName, mask: maskName, result: `${stemOf(imageName)}-erased` };
  return [
    { id: "curl", label: "curl", code: curl(names) },
    { id: "python", label: "Python", code: python(names) },
    { id: "javascript", label: "JavaScript", code: javascript(names) },
  ];
}

/** @typedef {{ url: string, image: string, mask: string, result: string }} Names result: without its suffix. */

/** @param {Names} names */
function curl({ url, image, mask, result }) {
  const part = shellWord(`./${result}.part`);
  return `\
type=$(curl -sS -o ${part} -w '%{content_type}' -H "X-Api-Key: $API_KEY" \\
  -F ${shellWord(`image=@${curlQuoted(image)}`)} \\
  -F ${shellWord(`mask=@${curlQuoted(mask)}`)} \\
  ${shellWord(url)})
case $type in
  image/jpeg) mv -f ${part} ${shellWord(`./${result}.jpg`)} ;;
  image/*) mv -f ${part} ${shellWord(`./${result}.`)}"\${type#image/}" ;;
  *) cat ${part} >&2; rm -f ${part}; false ;;
esac
`;
}

/** @param {Names} names */
function python({ url, image, mask, result }) {
  return `\
# Needs requests: pip install requests
import os
from pathlib import Path

import requests

image = Path(${literal(image)})
mask = Path(${literal(mask)})
answer = requests.post(
    ${literal(url)},
    headers={"X-Api-Key": os.environ["API_KEY"]},
    files={
        "image": (image.name, image.read_bytes()),
        "mask": (mask.name, mask.read_bytes()),
    },
    timeout=60,
)
kind = answer.headers["content-type"]
if not kind.startswith("image/"):
    raise SystemExit(answer.text)
suffix = kind.removeprefix("image/").replace("jpeg", "jpg")
Path(${literal(`${result}.`)} + suffix).write_bytes(answer.content)
`;
}

/** @param {Names} names */
function javascript({ url, image, mask, result }) {
  return `\
// Save as erase.mjs and run with Node 20 or newer: node erase.mjs
// In a web page, append the Files of two <input type="file"> instead.
import { readFile, writeFile } from "node:fs/promises";

const form = new FormData();
for (const [field, name] of [
  ["image", ${literal(image)}],
  ["mask", ${literal(mask)}],
]) {
  form.append(field, new Blob([await readFile(name)]), name);
}
const answer = await fetch(${literal(url)}, {
  method: "POST",
  headers: { "X-Api-Key": process.env.API_KEY },
  body: form,
});
const kind = answer.headers.get("content-type");
if (!kind.startsWith("image/")) throw new Error(await answer.text());
const suffix = kind.replace("image/", "").replace("jpeg", "jpg");
await writeFile(${literal(`${result}.`)} + suffix, Buffer.from(await answer.arrayBuffer()));
`;
}

/** @param {string} name */
function stemOf(name) {
  return name.replace(/(?<=.)\.[^.]*$/s, "");
}

/** A string literal, the same in Python and JavaScript. @param {string} text */
function literal(text) {
  return JSON.stringify(text).replace(UNSEEN, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A file name as -F reads it: in double quotes, commas and semicolons are the name's. @param {string} name */
function curlQuoted(name) {
  return `"${name.replace(/[\\"]/g, "\\$&")}"`;
}

/** One word of a POSIX shell. @param {string} text */
function shellWord(text) {
  return CONTROL.test(text) ? printedWord(text) : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A word with control characters, none of which stands in the program: pasted, they would be keys. Inside double
 * quotes, a shell that is typed into would take ! for its history.
 *
 * @param {string} text
 */
function printedWord(text) {
  const escaped = text.replace(/[\\'!\u0000-\u001f\u007f]/g, (unit) => {
    return `\\0${unit.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"$(printf '%b' '${escaped}')"`;
}
