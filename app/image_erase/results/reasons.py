"""What a bucket's failure is called in the log: what is known to be harmless of the library's error, and no more.

The library quotes requests and answers, in which there may be tokens, signatures and whatever the store has to say.
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
    """What went wrong with a request: which one, and the status and the code that the store has answered."""
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
    """Why a store can't be opened: the library's first line, without any value that the environment gave it."""
    line = str(error).split("\n", 1)[0]
    for name, value in os.environ.items():
        if value and name.upper().startswith(_PROVIDERS):
            line = line.replace(value, name)
    return line[:_LONGEST]
