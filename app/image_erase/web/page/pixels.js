/** @file Reads a picture's pixels, those too that are transparent throughout. */

/**
 * The pixels of a bitmap that was made with `premultiplyAlpha: "none"`.
 *
 * @param {ImageBitmap} bitmap
 * @returns {ImageData}
 */
export function straightPixels(bitmap) {
  const pixels = canvasPixels(bitmap);
  return isOpaque(pixels.data) ? pixels : (texturePixels(bitmap) ?? pixels);
}

/** Whether nothing shines through anywhere. @param {Uint8ClampedArray} pixels RGBA */
export function isOpaque(pixels) {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 255) return false;
  return true;
}

/** A canvas keeps no colour where there is no alpha. @param {ImageBitmap} bitmap */
function canvasPixels(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/**
 * A texture keeps all colours.
 *
 * @param {ImageBitmap} bitmap
 * @returns {ImageData | null} null where the browser has no WebGL, or none for so large a picture
 */
function texturePixels(bitmap) {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl) return null;
  const { width, height } = bitmap;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const data = new Uint8Array(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  const failed = gl.getError() !== gl.NO_ERROR;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return failed ? null : new ImageData(new Uint8ClampedArray(data.buffer), width, height);
}
