/** @file What is painted over: a list of shapes in the picture's own pixels, drawn at whatever size is asked for. */

import { drawingOf } from "./element.js";

/**
 * @typedef {{x: number, y: number}} Point in pixels of the picture
 * @typedef {{kind: "stroke", takes: boolean, size: number, points: Point[]}
 *   | {kind: "area", takes: boolean, points: Point[]}
 *   | {kind: "file", image: OffscreenCanvas | null, file: Blob}
 *   | {kind: "invert"}
 *   | {kind: "clear"}} Shape
 * @typedef {Exclude<Shape, { kind: "file" }> | { kind: "file", file: Blob }} KeptShape
 * @typedef {{ shapes: KeptShape[], undone: KeptShape[] }} KeptMask
 * @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context
 *   takes: it takes away from the mask what it covers, and adds it otherwise. file: the image as encodeMask writes it.
 *   image: null while the picture is not shown
 */

// How many shapes are drawn one by one; what lies before them, and a loaded file, is kept as one image.
const LOOSE_SHAPES = 64;

export class Mask {
  static #changes = 0;
  /** @type {Shape[]} */
  #shapes = [];
  /** @type {Shape[]} */
  #undone = [];
  /** @type {{ count: number, colour: Context["fillStyle"], canvas: OffscreenCanvas } | null} */
  #base = null;

  /** Another one after every change, and in every mask. */
  version = ++Mask.#changes;

  /** @param {number} width @param {number} height in pixels */
  constructor(width, height) {
    this.width = width;
    this.height = height;
  }

  get canUndo() {
    return this.#shapes.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Whether nothing can be painted over: nothing has been added since it was last cleared. */
  get isEmpty() {
    return !this.#shapes.slice(this.#start()).some((shape) => !takesAway(shape));
  }

  /** @param {Shape} shape */
  add(shape) {
    this.version = ++Mask.#changes;
    this.#shapes.push(shape);
    this.#undone = [];
  }

  /** Paint all that another mask of the same picture has. @param {Mask} other */
  append(other) {
    for (const shape of other.#shapes) this.add(shape);
  }

  undo() {
    this.version = ++Mask.#changes;
    const last = this.#shapes.pop();
    if (last) this.#undone.push(last);
    if (this.#base && this.#base.count > this.#shapes.length) this.#base = null;
  }

  redo() {
    this.version = ++Mask.#changes;
    const next = this.#undone.pop();
    if (next) this.#shapes.push(next);
  }

  /** Give back the memory of what can be made again. */
  rest() {
    this.#base = null;
    [this.#shapes, this.#undone] = [this.#shapes, this.#undone].map((shapes) => shapes.map(asleep));
  }

  /** Read the files again that `rest` has given up. @param {(file: Blob) => Promise<OffscreenCanvas>} read */
  async wake(read) {
    for (const shape of [...this.#shapes, ...this.#undone]) {
      if (shape.kind === "file") shape.image ??= await read(shape.file);
    }
  }

  /** A mask with all that is painted here, and here no more. */
  moved() {
    const mask = new Mask(this.width, this.height);
    mask.restore({ shapes: this.#shapes, undone: this.#undone });
    this.restore({ shapes: [], undone: [] });
    return mask;
  }

  /** Draw it, opaque, in the context's fill and stroke colour, on what is transparent so far. @param {Context} context */
  draw(context) {
    const start = this.#start();
    const loose = Math.max(start, this.#lastFile() + 1, this.#shapes.length - (this.#shapes.length % LOOSE_SHAPES));
    if (loose > start) context.drawImage(this.#upTo(loose, context.fillStyle), 0, 0);
    for (const shape of this.#shapes.slice(loose)) drawShape(context, shape, this.width, this.height);
  }

  /** The mask at the picture's size. @returns {OffscreenCanvas} opaque where it erases, transparent elsewhere */
  raster() {
    const canvas = new OffscreenCanvas(this.width, this.height);
    this.draw(coloured(drawingOf(canvas), "#fff"));
    return canvas;
  }

  /**
   * What a database can keep of it.
   *
   * @returns {KeptMask}
   */
  kept() {
    /** @param {Shape} shape @returns {KeptShape} */
    const bare = (shape) => (shape.kind === "file" ? { kind: "file", file: shape.file } : shape);
    return { shapes: this.#shapes.map(bare), undone: this.#undone.map(bare) };
  }

  /** Take over what was kept; it is drawn once it has been woken. @param {KeptMask} kept */
  restore({ shapes, undone }) {
    [this.#shapes, this.#undone] = [shapes, undone].map((kept) => kept.map(asleep));
    this.#base = null;
    this.version = ++Mask.#changes;
  }

  /** The same mask for the same picture at another size. @param {number} width @param {number} height */
  resized(width, height) {
    const mask = new Mask(width, height);
    const [x, y] = [width / this.width, height / this.height];
    mask.#shapes = this.#shapes.map((shape) => scaled(shape, x, y));
    return mask;
  }

  #start() {
    return this.#shapes.findLastIndex((shape) => shape.kind === "clear") + 1;
  }

  #lastFile() {
    return this.#shapes.findLastIndex((shape) => shape.kind === "file");
  }

  /** @param {number} count @param {Context["fillStyle"]} colour */
  #upTo(count, colour) {
    if (this.#base?.count !== count || this.#base.colour !== colour) {
      const canvas = new OffscreenCanvas(this.width, this.height);
      const context = coloured(drawingOf(canvas), colour);
      for (const shape of this.#shapes.slice(this.#start(), count)) drawShape(context, shape, this.width, this.height);
      this.#base = { count, colour, canvas };
    }
    return this.#base.canvas;
  }
}

/**
 * Draw one shape of a mask, whose picture has that width and height.
 *
 * @param {Context} context @param {Shape} shape @param {number} width @param {number} height
 */
export function drawShape(context, shape, width, height) {
  context.globalCompositeOperation = takesAway(shape) ? "destination-out" : "source-over";
  if (shape.kind === "stroke") drawStroke(context, shape.points, shape.size);
  if (shape.kind === "area") fillArea(context, shape.points);
  if (shape.kind === "file" && shape.image) drawFile(context, shape.image, width, height);
  if (shape.kind === "invert") {
    context.globalCompositeOperation = "xor";
    context.fillRect(0, 0, width, height);
  }
  context.globalCompositeOperation = "source-over";
}

/**
 * Draw a line with round ends through the points; a dot where there is one.
 *
 * @param {Context} context @param {Point[]} points at least one @param {number} size
 */
export function drawStroke(context, points, size) {
  const [first, ...rest] = points;
  context.beginPath();
  if (!rest.length) {
    context.arc(first.x, first.y, size / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = size;
  context.moveTo(first.x, first.y);
  for (const { x, y } of rest) context.lineTo(x, y);
  context.stroke();
}

/** @param {Context} context @param {Point[]} points */
function fillArea(context, points) {
  context.beginPath();
  for (const { x, y } of points) context.lineTo(x, y);
  context.closePath();
  context.fill();
}

/**
 * A loaded mask is white; it has to take on the colour that the context draws with.
 *
 * @param {Context} context @param {OffscreenCanvas} image @param {number} width @param {number} height
 */
function drawFile(context, image, width, height) {
  const tinted = new OffscreenCanvas(image.width, image.height);
  const inner = drawingOf(tinted);
  inner.drawImage(image, 0, 0);
  inner.globalCompositeOperation = "source-in";
  inner.fillStyle = context.fillStyle;
  inner.fillRect(0, 0, image.width, image.height);
  context.drawImage(tinted, 0, 0, width, height);
}

/** @param {KeptShape} shape @returns {Shape} */
function asleep(shape) {
  return shape.kind === "file" ? { kind: "file", file: shape.file, image: null } : shape;
}

/** @param {Shape} shape */
function takesAway(shape) {
  return "takes" in shape && shape.takes;
}

/** @param {Context} context @param {Context["fillStyle"]} colour */
function coloured(context, colour) {
  context.fillStyle = context.strokeStyle = colour;
  return context;
}

/** @param {Shape} shape @param {number} x @param {number} y @returns {Shape} */
function scaled(shape, x, y) {
  if (!("points" in shape)) return shape;
  const points = shape.points.map((point) => ({ x: point.x * x, y: point.y * y }));
  return "size" in shape ? { ...shape, points, size: shape.size * Math.sqrt(x * y) } : { ...shape, points };
}
