/** @file What requests fail with; apart from the client, which the page does not begin with. */

/** What the server, or the way to it, has against a request. The message is for the user to read. */
export class ServerError extends Error {
  /**
   * @param {string} message
   * @param {{ status?: number, code?: string, detail?: string, requestId?: string }} [details] status: 0 where there
   *   was no answer. code: the end of the problem's type, empty where the answer was not the API's. detail: the
   *   server's message.
   */
  constructor(message, { status = 0, code = "", detail = "", requestId = "" } = {}) {
    super(message);
    this.name = "ServerError";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.requestId = requestId;
  }
}

/** Whether something was cancelled. @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}
