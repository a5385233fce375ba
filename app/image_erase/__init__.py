"""A self-hosted server for the Image Erasure API: a picture and a mask in, a link to the erased picture out."""

__version__ = "0.1.0"
