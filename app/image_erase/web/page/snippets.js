/** @file Programs to paste that do by the API what was just done by hand. */

const ERASE_PATH = "api/image/editing/image-erase";
// What would act, hide or reorder where a string literal is shown or pasted.
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
  return `\
answer=$(curl -sS -H "ailabapi-api-key: $API_KEY" \\
  -F ${shellWord(`image=@${curlQuoted(image)}`)} \\
  -F ${shellWord(`user_mask=@${curlQuoted(mask)}`)} \\
  ${shellWord(url)})
link=$(printf '%s' "$answer" | sed -n 's/.*"image_url": *"\\([^"]*\\)".*/\\1/p')
if [ -n "$link" ]; then
  curl -sS -f -o ${shellWord(`${result}.`)}"\${link##*.}" "$link"
else
  printf '%s\\n' "$answer" >&2
  false
fi
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
response = requests.post(
    ${literal(url)},
    headers={"ailabapi-api-key": os.environ["API_KEY"]},
    files={
        "image": (image.name, image.read_bytes()),
        "user_mask": (mask.name, mask.read_bytes()),
    },
    timeout=60,
)
answer = response.json()
if answer["error_code"] != 0:
    raise SystemExit(answer["error_msg"])
link = answer["data"]["image_url"]
result = requests.get(link, timeout=60)
result.raise_for_status()
Path(${literal(result)} + Path(link).suffix).write_bytes(result.content)
`;
}

/** @param {Names} names */
function javascript({ url, image, mask, result }) {
  return `\
// Save as erase.mjs and run with Node 20 or newer: node erase.mjs
// In a web page, append the Files of two <input type="file"> instead.
import { readFile, writeFile } from "node:fs/promises";
import { extname } from "node:path";

const form = new FormData();
for (const [field, name] of [
  ["image", ${literal(image)}],
  ["user_mask", ${literal(mask)}],
]) {
  form.append(field, new Blob([await readFile(name)]), name);
}
const response = await fetch(${literal(url)}, {
  method: "POST",
  headers: { "ailabapi-api-key": process.env.API_KEY },
  body: form,
});
const answer = await response.json();
if (answer.error_code !== 0) throw new Error(answer.error_msg);
const result = await fetch(answer.data.image_url);
if (!result.ok) throw new Error(\`The result is not there: \${result.status}\`);
await writeFile(${literal(result)} + extname(answer.data.image_url), Buffer.from(await result.arrayBuffer()));
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
