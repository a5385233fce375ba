"""A transform that pauses when it has read all coefficients, until it is known what to change.

This way the entropy-coded data is decoded once, for the pixels around a hole and for the rest of the file alike.
libjpeg-turbo asks for changes by a callback from the middle of its work; a thread of its own lets that wait.
"""

import threading
from concurrent.futures import CancelledError, Future

from image_erase.imaging.jpeg.turbojpeg import Rewriting, RowEditor, TransformFailed, transform_and_crop


class PausedTransform:
    """A transform of a JPEG in a thread that waits for a RowEditor. `close` must be called in any case.

    cropped: a JPEG of the part.
    """

    def __init__(self, source: bytes, how: Rewriting, part: tuple[slice, slice]) -> None:
        """Read everything. The arguments are those of `transform_and_crop`. Raises TransformFailed and MemoryError."""
        self._cropped: Future[bytes] = Future()
        self._editor: Future[RowEditor] = Future()
        self._result: Future[bytes] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(source, how, part, self._cropped, self._result), name="transform", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            raise MemoryError(str(error)) from error
        try:
            self.cropped = self._cropped.result()
        finally:
            # An exception refers to all frames that it has passed; none of these may refer to it, or its memory and
            # that of the file would not be freed before some later collection of cycles.
            self._cropped = Future()

    def finish(self, editor: RowEditor) -> bytes:
        """Return the result with these edits. Can be called once. Raises TransformFailed and what the editor raises."""
        self._editor.set_result(editor)
        # Only the caller keeps the result, or what is raised.
        result, self._result = self._result, Future()
        try:
            return result.result()
        finally:
            del result

    def close(self) -> None:
        """Give up what has not been finished, and free its memory."""
        self._editor.cancel()
        self._thread.join()

    def _run(
        self, source: bytes, how: Rewriting, part: tuple[slice, slice], cropped: Future[bytes], result: Future[bytes]
    ) -> None:
        """Exceptions are raised where the results are waited for."""
        try:
            result.set_result(transform_and_crop(source, how, part, self._pause))
            if not cropped.done():
                cropped.set_exception(TransformFailed("no component"))
        except CancelledError:
            pass  # no one waits for it
        except Exception as error:
            (result if cropped.done() else cropped).set_exception(error)
        finally:
            del cropped, result

    def _pause(self, cropped: bytes) -> RowEditor:
        self._cropped.set_result(cropped)
        return self._editor.result()
