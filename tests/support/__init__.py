"""What the tests share."""

import pytest

pytest.register_assert_rewrite("support.envelope", "support.pictures", "support.processes")
