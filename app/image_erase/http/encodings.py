"""The content codings that a client accepts (RFC 9110, 12.5.3)."""

_CODINGS = ("gzip", "x-gzip")


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip. An entry for gzip takes precedence over `*`."""
    weights: dict[str, float] = {}
    for item in header.lower().split(","):
        coding, _, parameter = item.partition(";")
        weights[coding.strip()] = _weight(parameter)
    named = [weights[coding] for coding in _CODINGS if coding in weights]
    return max(named, default=weights.get("*", 0.0)) > 0


def _weight(parameter: str) -> float:
    """Return the weight in `q=0.5`: 1 if it is absent, 0 if it is invalid."""
    name, _, value = parameter.partition("=")
    if not name.strip():
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
