"""NumPy's BLAS is kept to one thread, and given back."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from compressor.entropy.blas import one_blas_thread


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))
    # SciPy, which another test may have imported, has a BLAS of its own.
    pools = [
        pool
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "scipy.libs" not in pool["filepath"]
    ]
    return {pool["num_threads"] for pool in pools}


@pytest.fixture
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this NumPy's BLAS takes no two threads")
        yield


def test_the_last_to_leave_gives_threads_back(two_threads):
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert threads() == {1}
    # Not nested: two pictures decode at the same time.
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == {2}


def test_any_thread_can_enter_and_leave(two_threads):
    limit = one_blas_thread()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(limit.__enter__).result()
    assert threads() == {1}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(limit.__exit__, None, None, None).result()
    assert threads() == {2}


def test_an_error_gives_threads_back(two_threads):
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert threads() == {2}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_within_the_limit_is_not_limited(two_threads):
    with one_blas_thread():
        child = os.fork()
        if not child:
            os._exit(0 if threads() == {2} else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert threads() == {1}
