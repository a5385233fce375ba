"""Describe failures of a bucket for the log, using only parts of the library's errors that contain no secrets.

The library quotes requests and answers, which may contain tokens and signatures.
"""

import os
import re

_REQUEST = re.compile(r"Error performing ([A-Z]+) \w+://(?:[^/?#\s@]*@)?([\w.:\[\]-]+)")
_STATUS = re.compile(r"non-2xx status code: ([0-9]{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>|\bcode: \"([A-Za-z0-9]{1,64})\"")
_TRANSPORT = re.compile(r"\bkind: (Connect|Timeout|Interrupted|Decode|Request)\b")
_PROVIDERS = "AWS_", "AZURE_", "GOOGLE_"
_LONGEST = 200


def call_reason(error: Exception) -> str:
    """Describe a failed request: method, host, and the status and code of the answer."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error)
    request, status, code, transport = (each.search(text) for each in (_REQUEST, _STATUS, _CODE, _TRANSPORT))
    said = [type(error).__name__]
    if request:
        said.append(f"{request[1]} {request[2]}")
    if status:
        said.append(status[1])
    if code:
        said.append(code[1] or code[2])
    elif transport:
        said.append(transport[1].lower())
    return " ".join(said)


def opening_reason(error: Exception) -> str:
    """Describe why a store cannot be opened: the first line of the error, without values from the environment."""
    line = str(error).split("\n", 1)[0]
    for name, value in os.environ.items():
        if value and name.upper().startswith(_PROVIDERS):
            line = line.replace(value, name)
    return line[:_LONGEST]
