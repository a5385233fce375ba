"""A reduced picture contains known pixels only."""

import numpy as np

from image_erase.erasure.reduction import reduce_known


def test_only_known_pixels_are_averaged() -> None:
    image = np.array([[[10], [20], [7]], [[30], [200], [9]], [[5], [200], [200]]], np.uint8)
    hole = np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1]], np.bool_)
    small, share = reduce_known(image, hole, 2)
    assert np.abs(small[:, :, 0].astype(int) - [[20, 8], [5, 0]]).max() <= 1
    assert share.tolist() == [[0.75, 1.0], [0.5, 0.0]]


def test_bands_do_not_show() -> None:
    image = np.random.default_rng(0).integers(0, 65536, (1000, 37, 2)).astype(np.uint16)
    small, share = reduce_known(image, np.zeros((1000, 37), np.bool_), 5)
    assert np.array_equal(
        small[:, :7], np.rint(image[:, :35].reshape(200, 5, 7, 5, 2).mean(axis=(1, 3))).astype(np.uint16)
    )
    assert (share == 1).all()
