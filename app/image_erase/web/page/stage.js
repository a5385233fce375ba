/** @file What is seen of the picture: the picture itself, the mask over it, a shape being drawn, the brush's outline. */

import { drawShape, drawStroke } from "./mask.js";
import { View } from "./view.js";

const MASK_COLOUR = "#ff1fd1";
// From this scale on, pixels are shown as squares.
const PIXELS_SHOWN = 3;

/**
 * @typedef {import("./mask.js").Point} Point
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {"picture" | "mask" | "draft"} Layer
 */

export class Stage {
  view = new View();
  /** What is being drawn and is not in the mask yet. @type {import("./gestures.js").Gesture | null} */
  gesture = null;
  #elements;
  #contexts;
  #ratio = 1;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {Picture | null} */
  #before = null;
  /** @type {number | null} */
  #split = null;
  #awaited = false;

  /**
   * @param {{stage: HTMLElement, picture: HTMLCanvasElement, mask: HTMLCanvasElement, draft: HTMLCanvasElement,
   *   cursor: HTMLElement}} elements
   * @param {(view: View) => void} onView told of every change of the view
   */
  constructor(elements, onView) {
    this.#elements = elements;
    this.onView = onView;
    this.#contexts = {
      picture: contextOf(elements.picture),
      mask: contextOf(elements.mask),
      draft: contextOf(elements.draft),
    };
    new ResizeObserver(() => this.#resize()).observe(elements.stage);
  }

  /** Show a picture with its mask. @param {Picture} picture @param {Picture} before what it is compared with */
  show(picture, before) {
    this.#picture = picture;
    this.#before = before;
    this.view.setPicture(picture);
    this.refresh();
  }

  /** Show the picture before left of that part of the stage's width, and no mask; null: as usual. @param {number | null} split */
  compare(split) {
    this.#split = split;
    this.refresh();
  }

  /** Draw everything again with the next frame. */
  refresh() {
    if (this.#awaited) return;
    this.#awaited = true;
    requestAnimationFrame(() => {
      this.#awaited = false;
      if (this.#picture) this.#drawAll();
    });
  }

  /** Change the view and draw everything again. @param {(view: View) => void} change */
  change(change) {
    change(this.view);
    this.refresh();
  }

  /**
   * Draw the newest piece of a stroke; the mask itself doesn't know it yet.
   *
   * @param {Point[]} points @param {number} size @param {boolean} takes
   */
  continueStroke(points, size, takes) {
    const context = this.#mapped("mask");
    context.globalCompositeOperation = takes ? "destination-out" : "source-over";
    drawStroke(context, points, size);
    context.globalCompositeOperation = "source-over";
  }

  /** Show the outline of a shape that is being drawn; null: none any more. @param {Point[] | null} points */
  draft(points) {
    const context = this.#cleared("draft");
    if (!points) return;
    context.globalAlpha = 0.35;
    drawShape(context, { kind: "area", takes: false, points }, 0, 0);
    context.globalAlpha = 1;
    context.lineWidth = 1.5 / this.view.scale;
    context.stroke();
  }

  /**
   * Show the brush's outline around a point of the picture; null: not at all.
   *
   * @param {Point | null} point @param {number} size in pixels of the picture @param {boolean} crosshair
   */
  cursor(point, size, crosshair) {
    const { cursor } = this.#elements;
    cursor.hidden = !point;
    if (!point) return;
    const { x, y } = this.view.toStage(point);
    const side = Math.max(size * this.view.scale, 4);
    cursor.classList.toggle("crosshair", crosshair);
    cursor.style.width = cursor.style.height = `${side}px`;
    cursor.style.transform = `translate(${x - side / 2}px, ${y - side / 2}px)`;
  }

  #resize() {
    const { width, height } = this.#elements.stage.getBoundingClientRect();
    if (!width || !height) return;
    this.#ratio = window.devicePixelRatio || 1;
    for (const { canvas } of Object.values(this.#contexts)) {
      canvas.width = Math.round(width * this.#ratio);
      canvas.height = Math.round(height * this.#ratio);
    }
    this.view.setStage({ width, height });
    // A canvas that was resized is empty: it has to be drawn before it is seen.
    if (this.#picture) this.#drawAll();
  }

  #drawAll() {
    if (!this.#picture) return;
    this.#drawPictures(this.#picture);
    const mask = this.#cleared("mask");
    if (this.#split === null) this.#picture.mask.draw(mask);
    this.gesture?.redraw();
    this.onView(this.view);
  }

  /** @param {Picture} picture */
  #drawPictures(picture) {
    const context = this.#cleared("picture");
    context.imageSmoothingEnabled = this.view.scale < PIXELS_SHOWN;
    if (this.#split === null) this.#drawPicture(context, picture, picture);
    else this.#drawHalves(context, picture, this.#split);
  }

  /** @param {CanvasRenderingContext2D} context @param {Picture} now @param {number} split */
  #drawHalves(context, now, split) {
    const edge = this.view.toPicture({ x: split * this.#elements.stage.clientWidth, y: 0 }).x;
    const { width, height } = now;
    for (const { picture, from, to } of [
      { picture: this.#before ?? now, from: 0, to: edge },
      { picture: now, from: edge, to: width },
    ]) {
      context.save();
      context.beginPath();
      context.rect(Math.max(from, 0), 0, Math.max(Math.min(to, width) - Math.max(from, 0), 0), height);
      context.clip();
      this.#drawPicture(context, picture, now);
      context.restore();
    }
  }

  /**
   * A picture that was made smaller on the way is still compared at the size of the newest.
   *
   * @param {CanvasRenderingContext2D} context @param {Picture} picture @param {Picture} newest
   */
  #drawPicture(context, picture, newest) {
    const level = picture.level(this.view.scale * this.#ratio);
    context.drawImage(level, 0, 0, newest.width, newest.height);
  }

  /** @param {Layer} name */
  #cleared(name) {
    const context = this.#contexts[name];
    context.resetTransform();
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    return this.#mapped(name);
  }

  /** A context that draws in the picture's pixels. @param {Layer} name */
  #mapped(name) {
    const context = this.#contexts[name];
    const scale = this.view.scale * this.#ratio;
    context.setTransform(scale, 0, 0, scale, this.view.x * this.#ratio, this.view.y * this.#ratio);
    context.fillStyle = context.strokeStyle = MASK_COLOUR;
    return context;
  }
}

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser draws no pictures.");
  return context;
}
