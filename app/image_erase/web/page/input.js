/** @file From pointers, wheel and keys on the stage to gestures and to moves of the view. */

import { begin } from "./gestures.js";
import { texts } from "./texts.js";

const WHEEL_ZOOM = 0.0016;
// How far arrows move the brush, in pixels of the screen.
const STEP = 8;
const LONG_STEP = 48;
// A finger that has moved less was only the first of two that pinch.
const PINCH_SLACK = 12;
const FINGER_SLACK = 3;
const PEN_ERASER = 32;
const SIZE_MS = 900;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @typedef {import("./mask.js").Point} Point
 * @typedef {{ tool(): import("./toolbox.js").Tool, size(): number, resize(step: number): void, canPaint(): boolean,
 *   inside(point: Point): Point, draw(shape: import("./mask.js").Shape): void, confirm(byKeys: boolean): boolean,
 *   say(text: string): void, under(finger: Point | null): void }} Host what the tools are set to, and who gets what is
 *   drawn. confirm: the action of Enter when it does not draw; returns whether there was one. under: called with the
 *   place on the stage where a finger draws, and with null at the end
 */

export class Input {
  #element;
  #stage;
  #host;
  /** @type {import("./gestures.js").Gesture | null} */
  #gesture = null;
  /** @type {number | null} */
  #drawer = null;
  #travelled = 0;
  /** @type {Map<number, Point>} */
  #pointers = new Map();
  #panning = false;
  #hand = false;
  /** Where the brush is, in pixels of the picture; keys move it from where the pointer left it. @type {Point | null} */
  #at = null;
  #byKeys = false;
  #sizeTimer = 0;

  /** @param {HTMLElement} element @param {import("./stage.js").Stage} stage @param {Host} host */
  constructor(element, stage, host) {
    this.#element = element;
    this.#stage = stage;
    this.#host = host;
    /**
     * @template {keyof HTMLElementEventMap} T
     * @param {T} type @param {(event: HTMLElementEventMap[T]) => void} listener @param {AddEventListenerOptions} [options]
     */
    const on = (type, listener, options) => element.addEventListener(type, listener.bind(this), options);
    on("pointerdown", this.#down);
    on("pointermove", this.#move);
    on("pointerup", this.#up);
    on("pointercancel", this.#cancelled);
    // Also after a pointer is lifted; before, only one whose events are lost.
    on("lostpointercapture", this.#cancelled);
    on("pointerleave", this.#left);
    on("wheel", this.#wheel, { passive: false });
    on("keydown", this.#key);
    on("focus", this.#focused);
    on("blur", this.#blurred);
    on("contextmenu", (event) => event.preventDefault());
  }

  /** Whether a drag moves the picture instead of painting: while the space bar is held. @param {boolean} held */
  set hand(held) {
    this.#hand = held;
    this.#element.classList.toggle("hand", held);
  }

  /** Show the brush where it is, at its size of now. */
  refreshCursor() {
    this.#element.classList.toggle("by-keys", this.#byKeys);
    const drawing = ["brush", "eraser"].includes(this.#host.tool());
    const shown = this.#at && this.#host.canPaint() && !this.#hand && (drawing || this.#byKeys);
    this.#stage.cursor(shown ? this.#at : null, drawing ? this.#host.size() : 0, this.#byKeys || !drawing);
  }

  /** Show the size of the brush in the middle of the picture, for a moment. */
  showSize() {
    this.#stage.cursor(this.#stage.view.middle, this.#host.size(), false);
    clearTimeout(this.#sizeTimer);
    this.#sizeTimer = setTimeout(() => this.refreshCursor(), SIZE_MS);
  }

  /** Drop what is being drawn. */
  drop() {
    if (!this.#gesture) return;
    this.#release();
    this.#stage.refresh();
  }

  /** @param {MouseEvent} event */
  #point(event) {
    const box = this.#element.getBoundingClientRect();
    return { x: event.clientX - box.left - this.#element.clientLeft, y: event.clientY - box.top - this.#element.clientTop };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const onControl = event.target instanceof Element && event.target.closest("input, button");
    if (onControl) return;
    this.#element.focus({ preventScroll: true });
    this.#element.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#point(event));
    this.#byKeys = false;
    if (this.#pointers.size > 1) this.#startPinch();
    else if (event.button === 1 || this.#hand || !this.#host.canPaint()) this.#panning = true;
    else if (event.button === 0 || event.buttons & PEN_ERASER) this.#startDrawing(event);
  }

  #startPinch() {
    if (this.#travelled < PINCH_SLACK) this.drop();
    else this.#finish();
    this.#panning = true;
  }

  /** @param {PointerEvent} event */
  #startDrawing(event) {
    this.drop();
    this.#drawer = event.pointerId;
    this.#travelled = 0;
    this.#begin(this.#stage.view.toPicture(this.#point(event)), event.altKey || Boolean(event.buttons & PEN_ERASER));
  }

  /** @param {Point} start @param {boolean} takes */
  #begin(start, takes) {
    this.#at = start;
    this.#gesture = this.#stage.gesture = begin(this.#host.tool(), this.#stage, start, this.#host.size(), takes);
    this.refreshCursor();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    const now = this.#point(event);
    if (last) this.#pointers.set(event.pointerId, now);
    if (this.#panning && last) this.#pan(event.pointerId, last, now);
    else if (last && event.pointerId === this.#drawer) this.#extend(event, last, now);
    this.#byKeys &&= this.#gesture !== null;
    if (this.#byKeys) return;
    this.#at = event.pointerType === "touch" ? null : this.#stage.view.toPicture(now);
    this.refreshCursor();
  }

  /** @param {number} id @param {Point} last @param {Point} now */
  #pan(id, last, now) {
    const other = [...this.#pointers].find(([key]) => key !== id)?.[1];
    this.#stage.change((view) => {
      if (!other) return view.move(now.x - last.x, now.y - last.y);
      // Two fingers: the other one holds its point, and the picture follows the middle between them.
      const [before, after] = [distance(last, other), distance(now, other)];
      view.move((now.x - last.x) / 2, (now.y - last.y) / 2);
      view.zoom(after / Math.max(before, 1), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    });
  }

  /** @param {PointerEvent} event @param {Point} last @param {Point} now */
  #extend(event, last, now) {
    this.#travelled += distance(last, now);
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) {
      this.#gesture?.extend(this.#stage.view.toPicture(this.#point(each)));
    }
    if (this.#gesture && event.pointerType === "touch" && this.#travelled > FINGER_SLACK) this.#host.under(now);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#pointers.delete(event.pointerId);
    if (!this.#pointers.size) this.#panning = false;
    if (event.pointerId === this.#drawer) this.#finish();
  }

  /** @param {PointerEvent} event */
  #cancelled(event) {
    this.#pointers.delete(event.pointerId);
    this.#panning = this.#pointers.size > 0;
    if (event.pointerId === this.#drawer) this.drop();
  }

  #left() {
    if (this.#pointers.size || this.#byKeys) return;
    this.#at = null;
    this.refreshCursor();
  }

  #finish() {
    const shape = this.#release();
    if (shape) this.#host.draw(shape);
  }

  #release() {
    const shape = this.#gesture?.finish() ?? null;
    this.#gesture = this.#stage.gesture = this.#drawer = null;
    this.#host.under(null);
    return shape;
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    // With Shift, some browsers turn the wheel sideways.
    const turned = event.deltaY || event.deltaX;
    if (event.shiftKey && !event.ctrlKey) return this.#host.resize(-Math.sign(turned));
    const pixels = turned * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 32 : 1);
    // Trackpads report a pinch as a wheel with Control, in small steps.
    const factor = Math.exp(-Math.max(-300, Math.min(300, pixels)) * WHEEL_ZOOM * (event.ctrlKey ? 6 : 1));
    this.#stage.change((view) => view.zoom(factor, this.#point(event)));
  }

  #focused() {
    if (!this.#element.matches(":focus-visible") || this.#pointers.size) return;
    this.#byKeys = true;
    this.#at ??= this.#stage.view.middle;
    this.refreshCursor();
  }

  #blurred() {
    if (!this.#byKeys) return;
    if (this.#gesture) this.#dropByKey();
    this.#byKeys = false;
    this.#at = null;
    this.refreshCursor();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.target !== this.#element || event.ctrlKey || event.metaKey) return;
    if (ARROWS[event.key]) this.#moveByKey(event);
    else if (event.key === "Enter") this.#enter(event);
    else if (event.key === "Escape" && this.#gesture) this.#dropByKey();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event */
  #moveByKey(event) {
    const { view } = this.#stage;
    const step = event.altKey ? 1 : (event.shiftKey ? LONG_STEP : STEP) / view.scale;
    const [dx, dy] = ARROWS[event.key];
    const from = this.#at ?? view.middle;
    this.#byKeys = true;
    const at = this.#host.inside({ x: from.x + dx * step, y: from.y + dy * step });
    this.#at = at;
    this.#stage.change(() => view.reveal(at));
    this.#gesture?.extend(at);
    this.refreshCursor();
  }

  /** @param {KeyboardEvent} event */
  #enter(event) {
    if (this.#gesture || !this.#host.confirm(this.#byKeys)) this.#toggle(event.altKey);
  }

  /** @param {boolean} takes */
  #toggle(takes) {
    if (!this.#host.canPaint()) return;
    this.#byKeys = true;
    this.#at ??= this.#stage.view.middle;
    const { x, y } = this.#at;
    const down = !this.#gesture;
    if (down) this.#begin(this.#at, takes);
    else this.#finish();
    const tool = texts.tools[this.#host.tool()];
    this.#host.say(texts[down ? "down" : "up"](tool, Math.round(x), Math.round(y)));
  }

  #dropByKey() {
    this.drop();
    this.#host.say(texts.dropped);
  }
}

/** @param {Point} a @param {Point} b */
function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
