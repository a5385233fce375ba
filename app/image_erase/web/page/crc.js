/** @file CRC-32, as PNG and ZIP files have it (ITU-T V.42, the specification of PNG, annex D). */

const POLYNOMIAL = 0xedb88320;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => crcOfByte(byte));

/**
 * The checksum of some data.
 *
 * @param {Uint8Array} data
 * @param {number} [before] the checksum of the data before it, where this goes on
 */
export function crc32(data, before = 0) {
  let value = ~before;
  for (const byte of data) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}

/** @param {number} byte */
function crcOfByte(byte) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? POLYNOMIAL ^ (value >>> 1) : value >>> 1;
  return value;
}
