"""A browser's cookie store, as RFC 6265bis has it: one host, over https, in whole seconds.

    store   a Set-Cookie line, as section 5.7 takes it in       header   what section 5.8 sends back

What is left out: other hosts, other paths, redirects, and the eviction of what is too many.
"""

from dataclasses import dataclass

MAX_NAME_AND_VALUE = 4096  # 5.6, step 5
MAX_AGE = 400 * 86_400  # 5.6.2


@dataclass
class Stored:
    """A cookie in the store."""

    name: str
    value: str
    expiry: float | None  # None: until the browser closes


class BrowserJar:
    """The cookies that a browser keeps for one host."""

    def __init__(self) -> None:
        self.cookies: dict[str, Stored] = {}  # oldest first; replacing keeps the place (5.7, 23)

    def store(self, line: str, now: float) -> None:
        """Take in a Set-Cookie line."""
        pair, *attributes = line.split(";")
        name, equals, value = pair.partition("=")
        name, value = (name.strip(" \t"), value.strip(" \t")) if equals else ("", name.strip(" \t"))
        if len(name) + len(value) > MAX_NAME_AND_VALUE:
            return
        given = {}
        for attribute in attributes:
            key, _, text = attribute.partition("=")
            given[key.strip(" \t").lower()] = text.strip(" \t")
        if name.lower().startswith("__host-") and (
            "secure" not in given or given.get("path") != "/" or given.get("domain")
        ):
            return
        expiry = self._expiry(given, now)
        if expiry is not None and expiry <= now:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = self.cookies.get(name) or Stored(name, value, expiry)
            self.cookies[name].value, self.cookies[name].expiry = value, expiry

    @staticmethod
    def _expiry(given: dict[str, str], now: float) -> float | None:
        age = given.get("max-age", "")
        if age.removeprefix("-").isdecimal():  # it outranks Expires, which ours only ever repeats
            return now + min(int(age), MAX_AGE)
        return None

    def header(self, now: float) -> str:
        """Return the Cookie header of a request, "" for none."""
        for cookie in [*self.cookies.values()]:
            if cookie.expiry is not None and cookie.expiry <= now:
                del self.cookies[cookie.name]
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies.values())

    def close(self) -> None:
        """Forget what is kept only until the browser closes."""
        self.cookies = {
            name: cookie for name, cookie in self.cookies.items() if cookie.expiry is not None
        }
