/** @file Writes ZIP files (PKWARE's APPNOTE 6.3.3) of what is compressed already: stored as it is, never copied. */

import { crc32 } from "./crc.js";
import { texts } from "./texts.js";

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50];
const VERSION = 20;
const UTF8 = 0x800;
// The limit of the fields; larger files would need those of ZIP64.
const MOST_BYTES = 0xffffffff;
const MOST_FILES = 0xffff;
// What a file's two records take at most, besides its name.
const MOST_RECORDS = 100;

/** @typedef {{ name: string, blob: Blob }} Entry */

/**
 * @param {Entry[]} files names that occur twice get a number
 * @param {Date} [time] of all files
 * @returns {Promise<Blob>}
 * @throws {Error} with a sentence for the user
 */
export async function zipOf(files, time = new Date()) {
  /** @type {Blob[]} */
  const contents = [];
  /** @type {Blob[]} */
  const directory = [];
  if (files.length > MOST_FILES || bytesOf(files) > MOST_BYTES) throw new Error(texts.zipTooLarge);
  const names = distinct(files.map(({ name }) => name));
  let offset = 0;
  for (const [index, { blob }] of files.entries()) {
    const name = new TextEncoder().encode(names[index]);
    const about = [VERSION, UTF8, 0, ...stampOf(time)];
    const sizes = [await checksum(blob), blob.size, blob.size];
    const lengths = [name.length, 0];
    contents.push(record(LOCAL, about, sizes, lengths, name), blob);
    directory.push(record(CENTRAL, [VERSION, ...about], sizes, [...lengths, 0, 0, 0], [0, offset], name));
    offset += blob.size + contents[contents.length - 2].size;
  }
  const length = directory.reduce((sum, { size }) => sum + size, 0);
  const end = record(END, [0, 0, files.length, files.length], [length, offset], [0]);
  return new Blob([...contents, ...directory, end], { type: "application/zip" });
}

/** At most. @param {Entry[]} files */
function bytesOf(files) {
  return files.reduce((sum, { name, blob }) => sum + blob.size + 8 * name.length + MOST_RECORDS, 0);
}

/** @param {Blob} blob */
async function checksum(blob) {
  let value = 0;
  const reader = blob.stream().getReader();
  for (let { value: data } = await reader.read(); data; { value: data } = await reader.read()) value = crc32(data, value);
  return value;
}

/**
 * Fields of 2 and of 4 bytes by turns, after a signature.
 *
 * @param {number} signature @param {...(number[] | Uint8Array<ArrayBuffer>)} fields short ones, long ones, and so on;
 *   bytes as they are
 */
function record(signature, ...fields) {
  const parts = fields.map((field, index) => (field instanceof Uint8Array ? field : littleEndian(field, index % 2 ? 4 : 2)));
  return new Blob([littleEndian([signature], 4), ...parts]);
}

/** @param {number[]} values @param {2 | 4} width */
function littleEndian(values, width) {
  const view = new DataView(new ArrayBuffer(values.length * width));
  for (const [index, value] of values.entries()) {
    if (width === 2) view.setUint16(index * 2, value, true);
    else view.setUint32(index * 4, value, true);
  }
  return new Uint8Array(view.buffer);
}

/** Time and date as MS-DOS had them. @param {Date} time */
function stampOf(time) {
  const seconds = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1);
  return [seconds, ((time.getFullYear() - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate()];
}

/** Names that no two files share, on systems either that know no capitals. @param {string[]} names */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    const plain = name.replace(/[/\\]/g, "_");
    const dot = plain.lastIndexOf(".") > 0 ? plain.lastIndexOf(".") : plain.length;
    let free = plain;
    for (let count = 2; taken.has(free.toLowerCase()); count++) free = `${plain.slice(0, dot)} (${count})${plain.slice(dot)}`;
    taken.add(free.toLowerCase());
    return free;
  });
}
