"""The wall clock of a product's Pythons, moved by what the file `ORCHESTRATE_CLOCK` says (seconds).

Every Python of an environment runs this by its `.pth` file when `ORCHESTRATE_HOOKS` names it. The
file is read at each look at the clock, so a process that runs already moves too. Monotonic clocks
and sleeping stay as they are. `datetime`'s classes are mended in place rather than replaced: code
in C, pickles and `isinstance` go on seeing the one class that there is.
"""

# pyright: basic

import contextlib
import datetime
import gc
import os
import time
import types

SECOND = 1_000_000_000


class Clock:
    """The moved functions of `time`. Bound methods, since those stay themselves as attributes of a
    class, as functions in C do: `logging.Formatter.converter = time.localtime`.
    """

    def __init__(self, path):
        self._path = path
        self._moved = 0
        self._open, self._read, self._close = os.open, os.read, os.close
        self._real = types.SimpleNamespace(**vars(time))

    def __reduce__(self):
        return (__import__, ("time",))  # a pickled `time.time` is the reader's own

    def __deepcopy__(self, _):
        return self

    def _offset(self):
        with contextlib.suppress(OSError, ValueError):  # no descriptor left: as it was
            descriptor = self._open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._moved = int(self._read(descriptor, 32))
            finally:
                self._close(descriptor)
        return self._moved

    def time(self):
        return self._real.time() + self._offset()

    def time_ns(self):
        return self._real.time_ns() + self._offset() * SECOND

    def clock_gettime(self, clk_id, /):
        real = self._real.clock_gettime(clk_id)
        return real + self._offset() if clk_id == self._real.CLOCK_REALTIME else real

    def clock_gettime_ns(self, clk_id, /):
        real = self._real.clock_gettime_ns(clk_id)
        return real + self._offset() * SECOND if clk_id == self._real.CLOCK_REALTIME else real

    def localtime(self, seconds=None, /):
        return self._real.localtime(self.time() if seconds is None else seconds)

    def gmtime(self, seconds=None, /):
        return self._real.gmtime(self.time() if seconds is None else seconds)

    def ctime(self, seconds=None, /):
        return self._real.ctime(self.time() if seconds is None else seconds)

    def asctime(self, *given):
        return self._real.asctime(*given or (self.localtime(),))

    def strftime(self, format, /, *given):
        return self._real.strftime(format, *given or (self.localtime(),))


def moved_now(clock):
    """`datetime.now`, `datetime.utcnow` and `date.today`, by `clock`."""
    at = vars(datetime.datetime)["fromtimestamp"]
    utc = datetime.UTC

    def seconds():
        return clock.time_ns() // 1000 / 1_000_000  # exact to the microsecond until 2106

    def now(cls, tz=None):
        """Returns new datetime object representing current time local to tz."""
        return at.__get__(None, cls)(seconds(), tz)

    def utcnow(cls):
        """Return a new datetime representing UTC day and time."""
        return at.__get__(None, cls)(seconds(), utc).replace(tzinfo=None)

    def today(cls):
        """Current date or datetime: same as self.__class__.fromtimestamp(time.time())."""
        return cls.fromtimestamp(seconds())

    return now, utcnow, today


def mend(cls, functions):
    """`functions` are class methods of `cls` from now on, though it is a type made in C."""
    names = gc.get_referents(vars(cls))[0]
    for function in functions:
        function.__qualname__ = f"{cls.__name__}.{function.__name__}"
        function.__module__ = "datetime"
        names[function.__name__] = classmethod(function)
    with contextlib.suppress(ImportError):  # then nobody looked before us, or nothing can be done
        import ctypes

        ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


def main():
    path = os.environ.get("ORCHESTRATE_CLOCK")
    if path is None or isinstance(time.time, types.MethodType):
        return  # site reads a .pth file twice where lib64 links to lib
    clock = Clock(path)
    now, utcnow, today = moved_now(clock)
    mend(datetime.datetime, (now, utcnow))
    mend(datetime.date, (today,))
    for name in vars(Clock):
        if not name.startswith("_"):
            setattr(time, name, getattr(clock, name))


main()
