/** @file Shows what a finger hides: the place below it, larger, off to the side. Loaded late. */

import { drawingOf } from "./element.js";

// In CSS pixels: across the loupe, from the finger's middle to its rim, and from its rim to that of the stage.
const SIZE = 120;
const GAP = 48;
const MARGIN = 6;
const ZOOM = 2;

/** @typedef {{ x: number, y: number }} Point in CSS pixels of the stage */

export class Loupe {
  #stage;
  #layers;
  #canvas;
  #brush = 0;
  /** @type {Point | null} */
  #place = null;

  /**
   * @param {HTMLCanvasElement} canvas @param {HTMLElement} stage
   * @param {HTMLCanvasElement[]} layers that lie on the stage, the lowest first, each as large
   */
  constructor(canvas, stage, layers) {
    this.#canvas = canvas;
    this.#stage = stage;
    this.#layers = layers;
    canvas.width = canvas.height = SIZE;
  }

  /** Show the surroundings of a place; null: nothing. @param {Point | null} place @param {number} brush its diameter */
  show(place, brush) {
    const waiting = this.#place !== null;
    this.#place = place;
    this.#brush = brush;
    this.#canvas.hidden = !place;
    // What is drawn on the layers meanwhile is seen too.
    if (place && !waiting) requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    if (!this.#place) return;
    const { x, y } = placeBeside(this.#place, { width: this.#stage.clientWidth, height: this.#stage.clientHeight });
    this.#canvas.style.transform = `translate(${x - SIZE / 2}px, ${y - SIZE / 2}px)`;
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = this.#canvas.height = SIZE * ratio;
    this.#drawLayers(this.#place, ratio);
    requestAnimationFrame(() => this.#draw());
  }

  /** @param {Point} place @param {number} ratio */
  #drawLayers({ x, y }, ratio) {
    const context = drawingOf(this.#canvas);
    const side = (SIZE / ZOOM) * ratio;
    for (const layer of this.#layers) {
      if (layer.hidden) continue;
      context.globalAlpha = Number(getComputedStyle(layer).opacity);
      const [left, top] = [x * ratio - side / 2, y * ratio - side / 2];
      context.drawImage(layer, left, top, side, side, 0, 0, SIZE * ratio, SIZE * ratio);
    }
    context.globalAlpha = 1;
    this.#outline(context, ratio);
  }

  /** The brush, in two colours, one of which is seen. @param {CanvasRenderingContext2D} context @param {number} ratio */
  #outline(context, ratio) {
    for (const [colour, wider] of /** @type {const} */ ([["#000", 1.5], ["#fff", 0]])) {
      context.beginPath();
      context.strokeStyle = colour;
      context.lineWidth = 1.5 * ratio;
      context.arc((SIZE / 2) * ratio, (SIZE / 2) * ratio, ((this.#brush * ZOOM) / 2 + wider) * ratio, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

/**
 * Where the middle of the loupe is: above the finger, or else beside it where there is more room; always on the stage.
 *
 * @param {Point} finger @param {{ width: number, height: number }} stage
 * @returns {Point}
 */
export function placeBeside({ x, y }, { width, height }) {
  const [away, rim] = [GAP + SIZE / 2, SIZE / 2 + MARGIN];
  const above = y - away >= rim;
  const beside = x < width / 2 ? x + away : x - away;
  return { x: within(above ? x : beside, rim, width - rim), y: within(above ? y - away : y, rim, height - rim) };
}

/** @param {number} value @param {number} low @param {number} high */
function within(value, low, high) {
  return Math.max(low, Math.min(value, high));
}
