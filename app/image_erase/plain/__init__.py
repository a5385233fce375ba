"""The plain API: a picture in, a picture out, and problems as RFC 9457 describes them."""
