"""HTTP that can't even be parsed gets the envelope too."""

import json
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.envelope import RequestIds, failure
from app.api.errors import ApiError, Code

log = logging.getLogger("app.request")


class EnvelopeH11Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, answering malformed requests as the contract says."""

    def send_400_response(self, msg: str) -> None:
        """Answer with the failure envelope and close. msg: uvicorn's description, safe for clients."""
        ids, error = RequestIds(), ApiError(Code.ERROR_PARAMETERS, msg)
        body = json.dumps(failure(ids, error)).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("access-control-allow-origin", "*"),
            ("connection", "close"),
        ]
        facts = {"status": error.status, "code": error.code.name, "client": self.client and self.client[0]}
        self.app_state["observer"].request_ended("none", error.status, error.code.name)
        log.info("malformed request", extra={**facts, "request_id": ids.request_id, "log_id": ids.log_id})
        try:
            for event in (
                h11.Response(status_code=400, headers=headers, reason="Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            # An answer is already on its way: nothing more can be said on this connection.
            pass
        self.transport.close()
