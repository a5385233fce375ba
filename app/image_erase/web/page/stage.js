/** @file What is seen of the picture: the picture itself, the mask over it, a shape being drawn, the brush's outline. */

import { drawingOf } from "./element.js";
import { drawShape, drawStroke } from "./mask.js";
import { texts } from "./texts.js";
import { View } from "./view.js";

const MASK_COLOUR = "#ff1fd1";
const PREVIEW_COLOUR = "#00b7ff";
/** Colours under the mask, and how far they are off, in pixels of the screen. @type {[string, number][]} */
const RIM = [["#fff", 1], ["#000", -1]];
const FADE_MS = 450;
// The layers that show nothing beside the picture. Clipped as they are drawn: WebKit takes twice the time for a frame
// with elements that are clipped.
const CLIPPED = new Set(["sent", "mask", "draft"]);
// From this scale on, pixels are shown as squares.
const PIXELS_SHOWN = 3;

/**
 * @typedef {import("./mask.js").Point} Point
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {"picture" | "fade" | "sent" | "mask" | "draft"} Layer sent: the mask that the server works with
 */

export class Stage {
  view = new View();
  /** What is being drawn and is not in the mask yet. @type {import("./gestures.js").Gesture | null} */
  gesture = null;
  /** A shape that is shown and not painted. @type {import("./mask.js").Shape | null} */
  #preview = null;
  /** @type {Animation | null} */
  #fading = null;
  #scratch = new OffscreenCanvas(1, 1);
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
   * @param {{stage: HTMLElement, picture: HTMLCanvasElement, fade: HTMLCanvasElement, sent: HTMLCanvasElement, mask: HTMLCanvasElement, draft: HTMLCanvasElement,
   *   cursor: HTMLElement}} elements
   * @param {(view: View) => void} onView told of every change of the view
   */
  constructor(elements, onView) {
    this.#elements = elements;
    this.onView = onView;
    this.#contexts = {
      picture: contextOf(elements.picture),
      fade: contextOf(elements.fade),
      sent: contextOf(elements.sent),
      mask: contextOf(elements.mask),
      draft: contextOf(elements.draft),
    };
    new ResizeObserver(() => this.#resize()).observe(elements.stage);
  }

  /** Show a picture with its mask. @param {Picture} picture @param {Picture} before what it is compared with */
  show(picture, before) {
    if (before === this.#before && picture.made && picture !== this.#picture) this.#fade();
    this.#picture = picture;
    this.#before = before;
    this.view.setPicture(picture);
    this.refresh();
  }

  /** Let what is seen now fade, over what is shown from now on. */
  #fade() {
    const { picture, fade } = this.#elements;
    this.#cleared("fade");
    this.#contexts.fade.resetTransform();
    this.#contexts.fade.drawImage(picture, 0, 0);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#fading = fade.animate([{ opacity: 1 }, { opacity: 0 }], { duration: still ? 0 : FADE_MS });
  }

  /** Show a shape that is not painted; null: none any more. @param {import("./mask.js").Shape | null} shape */
  preview(shape) {
    this.#preview = shape;
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
    this.#fading?.cancel();
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
    if (!takes) this.#rimStroke(context, points, size);
    context.globalCompositeOperation = "source-over";
  }

  /** @param {CanvasRenderingContext2D} context @param {Point[]} points @param {number} size */
  #rimStroke(context, points, size) {
    context.globalCompositeOperation = "destination-over";
    for (const [colour, offset] of RIM) {
      const step = offset / this.view.scale;
      context.fillStyle = context.strokeStyle = colour;
      drawStroke(context, points.map(({ x, y }) => ({ x: x + step, y: y + step })), size);
    }
  }

  /** Draw a rim of light and dark under a mask, which is seen on any picture. @param {"sent" | "mask"} name */
  #rim(name) {
    const { canvas } = this.#contexts[name];
    const scratch = this.#scratch;
    [scratch.width, scratch.height] = [canvas.width, canvas.height];
    const tint = drawingOf(scratch);
    tint.drawImage(canvas, 0, 0);
    tint.globalCompositeOperation = "source-in";
    const context = this.#contexts[name];
    context.save();
    context.resetTransform();
    context.globalCompositeOperation = "destination-over";
    for (const [colour, offset] of RIM) {
      tint.fillStyle = colour;
      tint.fillRect(0, 0, scratch.width, scratch.height);
      context.drawImage(scratch, offset * this.#ratio, offset * this.#ratio);
    }
    context.restore();
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
    const sent = this.#cleared("sent");
    if (this.#split === null) {
      const { mask: first, waiting } = this.#picture;
      first.draw(waiting ? sent : mask);
      waiting?.draw(mask);
      this.#elements.sent.hidden = !waiting;
      if (waiting) this.#rim("sent");
      this.#rim("mask");
    }
    this.#drawPreview();
    this.gesture?.redraw();
    this.onView(this.view);
  }

  #drawPreview() {
    const context = this.#cleared("draft");
    if (!this.#preview || !this.#picture || this.#split !== null) return;
    context.fillStyle = context.strokeStyle = PREVIEW_COLOUR;
    context.globalAlpha = 0.65;
    drawShape(context, this.#preview, this.#picture.width, this.#picture.height);
    context.globalAlpha = 1;
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
    this.#contexts[name].reset();
    const context = this.#mapped(name);
    if (!this.#picture || !CLIPPED.has(name)) return context;
    context.beginPath();
    context.rect(0, 0, this.#picture.width, this.#picture.height);
    context.clip();
    return context;
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
  if (!context) throw new Error(texts.noCanvas);
  return context;
}
