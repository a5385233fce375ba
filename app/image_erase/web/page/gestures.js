/** @file Gestures that end as a shape of the mask, the same for a mouse, a finger, a pen and the keyboard. */

/**
 * @typedef {import("./mask.js").Point} Point
 * @typedef {import("./mask.js").Shape} Shape
 * @typedef {import("./stage.js").Stage} Stage
 * @typedef {{ extend(point: Point): void, redraw(): void, finish(): Shape | null }} Gesture
 */

/** A stroke of the brush; the stage shows it while it grows. */
class Stroke {
  /** @param {Stage} stage @param {Point} start @param {number} size @param {boolean} takes */
  constructor(stage, start, size, takes) {
    this.stage = stage;
    this.size = size;
    this.takes = takes;
    this.points = [start];
    stage.continueStroke([start], size, takes);
  }

  /** @param {Point} point */
  extend(point) {
    const last = this.points[this.points.length - 1];
    // Less than half a pixel of the screen or a quarter of the picture's can't be seen.
    if (Math.hypot(point.x - last.x, point.y - last.y) < Math.max(0.5 / this.stage.view.scale, 0.25)) return;
    this.points.push(point);
    this.stage.continueStroke([last, point], this.size, this.takes);
  }

  /** Show all of it again. */
  redraw() {
    this.stage.continueStroke(this.points, this.size, this.takes);
  }

  /** @returns {Shape | null} */
  finish() {
    return { kind: "stroke", takes: this.takes, size: this.size, points: this.points };
  }
}

/** An area, drawn by its rim (lasso) or by two corners (box). */
class Area {
  /** @param {Stage} stage @param {Point} start @param {boolean} takes */
  constructor(stage, start, takes) {
    this.stage = stage;
    this.takes = takes;
    this.start = start;
    this.points = [start];
  }

  redraw() {
    this.stage.draft(this.points.length > 1 ? this.points : null);
  }

  /** @returns {Shape | null} */
  finish() {
    this.stage.draft(null);
    return this.points.length > 2 ? { kind: "area", takes: this.takes, points: this.points } : null;
  }
}

class Lasso extends Area {
  /** @param {Point} point */
  extend(point) {
    this.points.push(point);
    this.redraw();
  }
}

class Box extends Area {
  /** @param {Point} point */
  extend({ x, y }) {
    const { start } = this;
    this.points = x === start.x || y === start.y ? [start] : [start, { x, y: start.y }, { x, y }, { x: start.x, y }];
    this.redraw();
  }
}

// In pixels of the screen: a scribble is read by its shape, and has to be thin.
const SCRIBBLE = 5;

/**
 * Begin what the tool draws.
 *
 * @param {import("./toolbox.js").Tool} tool @param {Stage} stage @param {Point} start
 * @param {number} size of the brush @param {boolean} takes
 * @returns {Gesture}
 */
export function begin(tool, stage, start, size, takes) {
  if (tool === "box") return new Box(stage, start, takes);
  if (tool === "lasso") return new Lasso(stage, start, takes);
  if (tool === "select") return new Stroke(stage, start, Math.max(2, SCRIBBLE / stage.view.scale), false);
  return new Stroke(stage, start, size, takes || tool === "eraser");
}
