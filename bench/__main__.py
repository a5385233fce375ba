"""Run all benchmarks: python -m bench [FOLDER of photographs]."""

import sys

from bench import quality, serving

if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else str(serving.EXAMPLE.parent)
    serving.main(serving.EXAMPLE)
    quality.main([folder])
