"""Freed memory is there for the next batch, unless the user has asked the C library for something else."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

FAULTS_OF_A_SECOND_BATCH = """
import resource, emberline
def batch(): return bytes(bytearray(100_000_000))
batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
batch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
FEW = 1_000
"""Two blocks of 100 MB have 49,000 pages."""


def faults(**settings: str) -> int:
    plain = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES" and "MALLOC_" not in name}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS_OF_A_SECOND_BATCH],
        capture_output=True,
        text=True,
        check=True,
        env=plain | settings,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_a_second_batch_has_the_memory_of_the_first():
    assert faults() < FEW


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_settings_of_the_user_stay():
    assert faults(MALLOC_MMAP_THRESHOLD_="1000000") > FEW
