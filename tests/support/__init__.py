"""Code that tests share."""

import pytest

pytest.register_assert_rewrite("support.envelope", "support.family", "support.pictures", "support.processes")
