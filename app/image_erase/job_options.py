"""What the settings say to the workers."""

from image_erase.settings import Settings


def job_options(settings: Settings) -> dict[str, object]:
    """Return the settings of the workers: a JobOptions as JSON values."""
    names = ("max_side", "jpeg_quality", "engine", "working_side", "mask_dilate", "metadata")
    network = {name: getattr(settings, f"onnx_{name}") for name in ("use", "channels", "mask", "output")}
    network["model"] = str(settings.onnx_model) if settings.onnx_model else None
    options = {name: getattr(settings, name) for name in names}
    return options | {"memory_mb": settings.worker_memory_mb, "network": network, "layout": str(settings.layout)}
