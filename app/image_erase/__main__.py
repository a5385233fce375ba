"""`python -m image_erase` is the command image-erase."""

from image_erase.cli import main

main(prog_name="image-erase")
