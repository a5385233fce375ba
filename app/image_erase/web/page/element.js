/** @file Finds elements of the document. */

import { texts } from "./texts.js";

/**
 * The element with an id.
 *
 * @template {Element} T
 * @param {string} id
 * @param {{ new (): T }} kind what it has to be
 * @param {ParentNode} [within]
 * @throws {Error} where the document has no such element
 */
export function element(id, kind, within = document) {
  const found = within.querySelector(`#${id}`);
  if (!(found instanceof kind)) throw new Error(`The document has no ${kind.name} with the id ${id}.`);
  return found;
}

/** A button. @param {string} id @param {ParentNode} [within] */
export function button(id, within) {
  return element(id, HTMLButtonElement, within);
}

/** Any element of the document that shows something. @param {string} id @param {ParentNode} [within] */
export function box(id, within) {
  return element(id, HTMLElement, within);
}

/**
 * The drawing context of a canvas.
 *
 * @template {OffscreenCanvas | HTMLCanvasElement} T
 * @param {T} canvas
 */
export function drawingOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error(texts.tooLarge);
  return /** @type {T extends OffscreenCanvas ? OffscreenCanvasRenderingContext2D : CanvasRenderingContext2D} */ (context);
}
