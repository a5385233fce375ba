"""The settings that concern workers."""

from image_erase.jobs.options import JobOptions, Network
from image_erase.settings import Settings


def job_options(settings: Settings) -> JobOptions:
    """Return the options of the workers."""
    return JobOptions(
        max_side=settings.max_side,
        jpeg_quality=settings.jpeg_quality,
        engine=settings.engine,
        working_side=settings.working_side,
        mask_dilate=settings.mask_dilate,
        metadata=settings.metadata,
        memory_mb=settings.worker_memory_mb,
        layout=str(settings.layout),
        network=Network(
            model=str(settings.onnx_model) if settings.onnx_model else None,
            use=settings.onnx_use,
            channels=settings.onnx_channels,
            mask=settings.onnx_mask,
            output=settings.onnx_output,
        ),
    )
