"""usage: runtimes.py [CASE]

operator new out of memory, in a program without a C++ runtime, or with one that only a plug-in has loaded. The program
is this Python interpreter, which is written in C. Each case runs in a process of its own under the drop-in.
"""
import ctypes
import signal
import subprocess
import sys

TOO_MUCH = 1 << 62
RUNTIME = "libstdc++.so.6"
OF_ITS_OWN = 42


def allocate():
    new = ctypes.CDLL(None)._Znwm  # operator new
    new.argtypes = [ctypes.c_size_t]
    new.restype = ctypes.c_void_p
    assert new(100)
    new(TOO_MUCH)


def no_runtime():
    allocate()


def private_runtime():
    ctypes.CDLL(RUNTIME, mode=ctypes.RTLD_LOCAL)
    allocate()


def private_runtime_with_handler():
    runtime = ctypes.CDLL(RUNTIME, mode=ctypes.RTLD_LOCAL)
    leave = ctypes.CFUNCTYPE(None)(lambda: ctypes.CDLL(None).exit(OF_ITS_OWN))
    runtime._ZSt15set_new_handlerPFvvE(leave)
    allocate()


CASES = {  # what ends it, and what stderr holds
    no_runtime: (-signal.SIGABRT, "ashlar: out of memory in operator new, and the program has no C++ runtime to throw with\n"),
    private_runtime: (-signal.SIGABRT, "std::bad_alloc"),
    private_runtime_with_handler: (OF_ITS_OWN, ""),
}


def main():
    if len(sys.argv) > 1:
        return globals()[sys.argv[1]]()
    for case, (status, words) in CASES.items():
        done = subprocess.run([sys.executable, "-B", __file__, case.__name__], capture_output=True, text=True)
        if done.returncode != status or words not in done.stderr:
            sys.exit(f"{case.__name__}: status {done.returncode}, and on stderr: {done.stderr!r}")


if __name__ == "__main__":
    main()
