/** @file The texts in English. A text with something to fill in is a function. */

import { decimal, plural } from "../numbers.js";

/** What to say of a problem, by the end of its `type`. @type {Record<string, string>} */
const problems = {
  "size-mismatch": "The mask does not have the size of the picture. Open the picture again.",
  "nothing-marked": "Mark what you want to select first.",
  "nothing-to-fill-from": "The whole picture is painted over. Leave something of it to fill from.",
  "key-missing": "The server asks for an API key.",
  "key-unknown": "The server does not know this API key.",
  "key-disabled": "This API key is switched off. Ask whoever runs the server.",
  "request-timeout": "Sending took longer than the server waits. A smaller picture is sent faster.",
  "file-too-large": "The picture’s file is larger than this server takes.",
  "body-too-large": "The picture’s file is larger than this server takes.",
  "image-too-large": "The picture has more pixels than this server takes.",
  "unsupported-format": "The server cannot read this kind of picture.",
  "file-damaged": "The picture’s file is damaged, or of a kind that the server cannot read.",
  "image-too-small": "The picture is too small.",
  "too-many-requests": "The server is busy. Try again in a moment.",
  "processing-failed": "Erasing failed on the server.",
  unexpected: "Something went wrong on the server.",
  "storage-failed": "The server cannot store results at the moment.",
  "insufficient-resources": "The server is out of memory or space for a picture of this size.",
  stopping: "The server is being restarted. Try again in a moment.",
  "deadline-exceeded": "Erasing took too long. Paint less at a time, or use a smaller picture.",
};

export const EN = {
  problems,

  // Requests
  unreachable: "The server can't be reached.",
  offline: "The server can't be reached. You can open pictures and paint; erasing has to wait until it is back.",
  stalled: "The server took too long to answer.",
  noPicture: "The server's answer is not a picture.",
  fileChanged: "The picture's file has changed or gone. Open it again.",
  keyNotSendable: "The key has characters that can't be sent.",
  /** @param {string} said status and its text */
  strangeAnswer: (said) => `The answer is not one of the erasing server's (HTTP ${said}).`,
  proxyLimit: "The files may be too large for a proxy before it.",
  /** @param {string} id */
  requestNumber: (id) => `Request ${id}`,

  // Opening
  tooLarge: "The picture is too large for this browser.",
  noCanvas: "This browser draws no pictures.",
  /** @param {number} width @param {number} height */
  opened: (width, height) => `${width} × ${height} pixels. Paint over what should go.`,
  /** @param {string} format */
  converted: (format) => `It was converted to ${format}.`,
  waitForResult: "Wait for the result, or cancel it first.",
  /** @param {string} has @param {string} most */
  tooManyPixels: (has, most) => `The picture has ${has} megapixels, this server takes ${most}.`,
  /** @param {string} has @param {string} most */
  tooManyBytes: (has, most) => `The picture's file has ${has} MB, this server takes ${most} MB.`,
  /** @param {number} most */
  tooLong: (most) => `No side of a picture may be longer than ${decimal(most)} pixels on this server.`,
  makeSmaller: "Make it smaller",
  /** @param {number} width @param {number} height */
  madeSmaller: (width, height) => `It is ${width} × ${height} pixels now.`,
  unreadable: "The browser cannot read this file as a picture.",
  unreadableHeic: "This browser cannot show HEIC photographs. Open it in Safari, or let the phone save it as JPEG.",
  openOther: { title: "Open another picture?", yes: "Open the other" },
  startAnew: { title: "Start anew?", yes: "Start anew" },

  // Several pictures
  /** @param {number} index @param {number} count */
  photo: (index, count) => `${decimal(index)} / ${decimal(count)}`,
  /** @param {string} name @param {number} index @param {number} count */
  photoNamed: (name, index, count) => `${name}, picture ${decimal(index)} of ${decimal(count)}`,
  /** @param {number} count */
  openedAll: (count) => `${decimal(count)} pictures are open. The arrows below lead from one to the next.`,
  /** @param {string} names */
  refused: (names) => `The browser cannot read these files as pictures: ${names}`,
  closeOne: { title: "Close this picture?", yes: "Close it" },
  /** @param {number} done @param {number} count */
  erasedAll: (done, count) => `Erased from ${decimal(done)} of ${decimal(count)} pictures.`,
  /** @param {string} names */
  otherSize: (names) => `Of another size, and left as they are: ${names}`,
  downloadAll: "Download all",
  zipTooLarge: "More than 4 GB do not fit into a ZIP file. Download the pictures one by one.",
  /** @param {number} count */
  notAllKept: (count) =>
    `This browser has no room to keep ${decimal(count)} of the pictures: download their results before you leave the page.`,

  // Keeping
  restored: "Everything is as you left it.",
  deleted: "The picture and all results are deleted from this browser.",
  notKept: "This browser has no room to keep your work: download results before you leave the page.",

  // Erasing
  sending: "Sending",
  erasing: "Erasing",
  fetching: "Fetching the result",
  paintFirst: "Paint over what should go first.",
  /** @param {string} seconds */
  erased: (seconds) => `Erased in ${seconds} s. Hold Before to see what was there.`,
  queued: "Erased as soon as the server is done.",
  cancelled: "Cancelled",
  /** @param {string} doing @param {number} seconds since it began */
  since: (doing, seconds) => `${doing}, ${decimal(seconds)} s`,
  original: "Original",
  /** @param {number} index @param {number} count */
  result: (index, count) => `Result ${decimal(index)} of ${decimal(count)}`,
  /** @param {number} percent */
  before: (percent) => `${decimal(percent)} percent before`,

  // Painting
  tools: { brush: "Brush", eraser: "Eraser", box: "Box", lasso: "Lasso", select: "Select" },
  /** @param {string} tool @param {number} x @param {number} y */
  down: (tool, x, y) => `${tool} down at ${x}, ${y}`,
  /** @param {string} tool @param {number} x @param {number} y */
  up: (tool, x, y) => `${tool} up at ${x}, ${y}`,
  dropped: "Dropped",
  /** @param {number} size */
  size: (size) => `${decimal(size)} px`,
  /** To be read out. @param {number} size */
  sizeInWords: (size) => inPixels(size),
  /** @param {number} percent */
  zoom: (percent) => `${decimal(percent)} %`,
  /** @param {number} width @param {number} height */
  picture: (width, height) => `Picture, ${width} by ${height} pixels`,
  undone: "Undone",
  redone: "Redone",

  // The mask
  inverted: "The mask is inverted.",
  cleared: "The mask is empty.",
  maskLoaded: "The mask is loaded.",
  maskBlank: "It erases nothing: no pixel of it counts as white.",
  maskUnreadable: "The mask is no picture that this browser can read.",
  /** @param {number[]} mask width, height @param {number[]} picture width, height */
  maskSize: (mask, picture) => `The mask is ${mask.join(" × ")} pixels, the picture ${picture.join(" × ")}.`,

  // Code
  copied: "Copied",
  copiedPicture: "The picture is copied.",
  cannotCopy: "This browser cannot copy pictures here. Download it instead.",
  copyByHand: "Selected. Copy it with Control and C.",

  // Selecting
  looking: "Looking for what you mean",
  found: "Take the selection with Enter, drop it with Escape, or mark more.",
  /** @param {number} pixels */
  pixels: (pixels) => `${pixels > 0 ? "+" : ""}${pixels} px`,
  /** @param {number} pixels */
  grown: (pixels) => `${pixels < 0 ? "Shrunk" : "Grown"} by ${inPixels(Math.abs(pixels))}`,

  // Undoing
  tryAgain: "Try again",
  smallerAndAgain: "Make it smaller and try again",
  convertAndAgain: "Convert it and try again",
};

/** @param {number} count */
function inPixels(count) {
  return `${decimal(count)} ${plural(count, { one: "pixel", other: "pixels" })}`;
}
