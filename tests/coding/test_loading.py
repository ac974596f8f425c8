"""One coder for all calls and threads, also in forked processes and after the end of the main thread."""

import subprocess
import sys

import pytest

from compressor import Runtime
from compressor.coding.loading import load_coder
from compressor.engines.cpu import num_cores


def test_there_are_no_more_threads_than_cores():
    assert load_coder(Runtime(threads=100_000)) is load_coder(Runtime(threads=num_cores()))


def test_encoding_and_decoding_load_one_coder():
    code = """
import numpy as np
import compressor
from compressor import Runtime
from compressor.coding import loading

made, PictureCoder = [], loading.PictureCoder

def counted(*arguments, **options):
    made.append(arguments)
    return PictureCoder(*arguments, **options)

loading.PictureCoder = counted
image = np.zeros((16, 16, 3), np.uint8)
data = compressor.encode(image, runtime=Runtime(engine="onnxruntime"))
compressor.decode(data, runtime=Runtime(engine="onnxruntime", model="cnn"))
compressor.encode(image, runtime=Runtime(model="flagship-iq", engine="onnxruntime"))
print(len(made))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


def test_threads_that_start_together_load_one_coder():
    code = """
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from compressor import Runtime
from compressor.coding import loading

def slow(*arguments, **options):
    time.sleep(0.1)
    return SimpleNamespace(model_id=1)

loading.PictureCoder = slow
with ThreadPoolExecutor(6) as pool:
    coders = pool.map(lambda _: loading.load_coder(Runtime()), range(6))
    print(len({id(coder) for coder in coders}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_codes_after_its_parent():
    code = """
import multiprocessing
import numpy as np
import compressor

image = np.zeros((64, 64, 3), np.uint8)

def encode(_):
    return compressor.encode(image)

expected = compressor.encode(image)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map_async(encode, range(2)).get(timeout=60) == [expected, expected])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_decodes_with_more_models_than_are_kept():
    """Its parent's engines must not be freed: that would wait for threads that it does not have."""
    code = """
import multiprocessing
import numpy as np
import compressor
from compressor import Runtime

image = np.zeros((64, 64, 3), np.uint8)
streams = [compressor.encode(image, runtime=Runtime(model=model)) for model in ("flagship-iq", "cnn")]

def decode(number):
    return compressor.decode(streams[number // 4], runtime=Runtime(threads=1 + number % 4)).size

with multiprocessing.get_context("fork").Pool(1) as pool:
    print(set(pool.map_async(decode, range(8)).get(timeout=60)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout == "{(64, 64)}\n", done.stderr


@pytest.mark.parametrize("is_warm", [True, False])
def test_a_thread_codes_after_the_main_thread_has_ended(is_warm):
    code = f"""
import threading
import numpy as np
import compressor

image = np.zeros((64, 64, 3), np.uint8)

def work(main=threading.main_thread()):
    main.join()
    for _ in range(2):
        print(compressor.decode(compressor.encode(image)).size)

if {is_warm}:
    compressor.encode(image)
threading.Thread(target=work).start()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == 2 * "(64, 64)\n", done.stderr
