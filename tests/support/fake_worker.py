"""A worker that misbehaves in a way that a test chooses: what WorkerProcess starts instead of the real one.

Run as a program: fake_worker.py BEHAVIOUR OPTIONS. It loads no image library, so it starts at once. By default it
answers every job with the image that it got.
"""

import os
import sys
import time
from pathlib import Path

LARGE = 8 << 20


def command(behaviour: str = "") -> tuple[str, ...]:
    """Return the command of a worker with that behaviour."""
    return (sys.executable, __file__, behaviour)


def main() -> None:
    from image_erase import __version__
    from image_erase.jobs.frames import receive_frame, send_frame
    from image_erase.jobs.messages import Begun, Done, Facts, FromWorker, Job, Pong, Ready, frame_of, request_of

    behaviour = sys.argv[1]
    source, target = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    facts = Facts(1.0, 1.0, 1.0, "fake", 1, 1, 0.5, "normal", 0, None)

    def say(message: FromWorker) -> None:
        send_frame(target, frame_of(message))

    def misbehave() -> None:
        match behaviour.partition(" ")[2]:
            case "nonsense":
                target.write(b"\0\0\0\5hello, I am a decoder that was taken over")
                target.flush()
            case "unasked":
                say(Done("png", facts, b"x"))
            case "silent":
                time.sleep(600)
            case "closes":
                os.close(1)
                time.sleep(600)
            case "dies":
                os._exit(9)
            case "floods":
                while True:
                    os.write(2, b"x" * 65536)
            case "forks":
                if os.fork():
                    os._exit(9)
                time.sleep(600)

    if behaviour.startswith("start"):
        misbehave()
    say(Ready("0.0.0" if behaviour == "other version" else __version__))
    if behaviour.startswith("idle"):
        misbehave()
    while frame := receive_frame(source):
        request = request_of(frame)
        if behaviour.startswith("receive"):
            misbehave()
        if not isinstance(request, Job):
            say(Pong())
            continue
        say(Begun())
        if behaviour.startswith("job"):
            misbehave()
        if behaviour == "slow":
            time.sleep(float(bytes(request.image)))
        data = bytes(LARGE) if behaviour == "large" else bytes(request.image)
        if behaviour == "half":
            pieces = frame_of(Done("png", facts, bytes(LARGE))).pieces()
            target.write(pieces[0] + bytes(LARGE // 2))
            target.flush()
            time.sleep(600)
        say(Done("png", facts, data))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "app"))
    main()
