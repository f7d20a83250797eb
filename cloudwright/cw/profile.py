"""Profiles: which server, as whom, and how answers are written. In a file that only its owner may read.

The file has the form of CloudMonkey's, whose own file (`~/.cmk/config`) is read where there is none of ours. What is set
counts in this order: options, environment, the profile, the section `core`, what is built in.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path

from cloudwright.cw.failure import Wrong

OUTPUTS = ("default", "table", "wide", "text", "csv", "json", "yaml", "column")
DEFAULTS = {
    "url": "http://127.0.0.1:8080/client/api",
    "username": "",
    "password": "",
    "domain": "/",
    "apikey": "",
    "secretkey": "",
    "timeout": "1800",
    "verifycert": "true",
    "output": "default",
    "asyncblock": "true",
    "signatureversion": "3",
}
"""`timeout` is in seconds, for an answer and for a job; `verifycert` is true, false or a file of certificates."""
SECRET = ("password", "secretkey")
ENVIRONMENT = {
    "url": "CLOUDSTACK_ENDPOINT",
    "apikey": "CLOUDSTACK_KEY",
    "secretkey": "CLOUDSTACK_SECRET",
    "username": "CLOUDSTACK_USERNAME",
    "password": "CLOUDSTACK_PASSWORD",
    "domain": "CLOUDSTACK_DOMAIN",
    "timeout": "CLOUDSTACK_TIMEOUT",
    "verifycert": "CLOUDSTACK_VERIFY",
    "output": "CW_OUTPUT",
}
CORE = "core"
FIRST = "default"
ALIASES = {"display": "output", "verify": "verifycert", "user": "username"}  # CloudMonkey's older word, and shorter ones
YES, NO = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


class Profile:
    """What holds for one invocation. `name` is the profile's, `values` have every key of DEFAULTS."""

    def __init__(self, name: str, values: dict[str, str], others: list[str] | None = None) -> None:
        self.name, self.values, self.others = name, values, others or []

    def __getitem__(self, key: str) -> str:
        return self.values[key]

    @property
    def timeout(self) -> float:
        """Seconds. Raises Wrong."""
        try:
            return float(self.values["timeout"])
        except ValueError:
            raise Wrong(f"timeout is {self.values['timeout']!r}; it must be a number of seconds") from None

    def true(self, key: str) -> bool:
        """Whether a key says yes."""
        return self.values[key].lower() in YES

    @property
    def who(self) -> str:
        """The identity that caches are kept by; no secret."""
        return f"{self['url']} {self['apikey'] or self['domain'] + self['username']}"


class Profiles:
    """The file of profiles. Reading it needs no file; writing makes one with permissions 0600."""

    def __init__(self, path: Path | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self.environment = environment
        self.path = path or self._place()
        self.parser = ConfigParser(interpolation=None)
        found = self.path if self.path.exists() or path is not None else self._home() / ".cmk" / "config"
        if found.exists():
            _hide(self.path)
            self._read(found)

    def _read(self, file: Path) -> None:
        try:
            self.parser.read_string(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ConfigParserError) as error:
            reason = " ".join(str(error).replace("'<string>'", "it").replace("\n", " ").split())
            raise Wrong(f"The file of profiles {file} cannot be read: {reason}", fix=["mend it, or move it away"]) from None

    def _home(self) -> Path:
        return Path(self.environment.get("HOME") or Path.home())

    def _place(self) -> Path:
        if named := self.environment.get("CW_CONFIG"):
            return Path(named)
        return Path(self.environment.get("XDG_CONFIG_HOME") or self._home() / ".config") / "cloudwright" / "cw.conf"

    @property
    def cache(self) -> Path:
        """The folder of caches and history."""
        return Path(self.environment.get("XDG_CACHE_HOME") or self._home() / ".cache") / "cloudwright"

    @property
    def names(self) -> list[str]:
        """The profiles there are."""
        return [name for name in self.parser.sections() if name != CORE]

    @property
    def current(self) -> str:
        """The profile that is used where none is named."""
        return self.environment.get("CW_PROFILE") or str(self.parser.get(CORE, "profile", fallback=FIRST))

    def chosen(self, name: str = "", options: Mapping[str, str] | None = None) -> Profile:
        """The profile called `name`, else the current one. Raises Wrong where it was named and there is none."""
        chosen = name or self.current
        if chosen not in self.parser and (name or chosen != FIRST):
            raise Wrong(
                f"There is no profile {chosen!r}; there are: {', '.join(self.names) or 'none'}", fix=[f"cw set profile {chosen}"]
            )
        values = dict(DEFAULTS)
        for section in (CORE, chosen):
            if section in self.parser:
                read = ((ALIASES.get(key, key), value) for key, value in self.parser[section].items())
                values |= {key: value for key, value in read if key in DEFAULTS and value}
        if not name:  # a profile that was asked for is what is meant, whatever the environment says
            values |= {key: told for key, variable in ENVIRONMENT.items() if (told := self.environment.get(variable))}
        values |= {key: value for key, value in (options or {}).items() if value}
        if values["output"] not in OUTPUTS:
            raise Wrong(f"There is no output {values['output']!r}; there are: {', '.join(OUTPUTS)}")
        return Profile(chosen, values, self.names)

    def set(self, key: str, value: str) -> None:
        """Keep a value in the current profile; `profile` chooses one, made where there is none. Raises Wrong."""
        key = ALIASES.get(key, key)
        if key == "profile":
            self._choose(value)
        elif key not in DEFAULTS:
            raise Wrong(f"There is no setting {key!r}; there are: profile, {', '.join(DEFAULTS)}")
        elif key == "output" and value not in OUTPUTS:
            raise Wrong(f"There is no output {value!r}; there are: {', '.join(OUTPUTS)}")
        else:
            self._choose(self.current)
            self.parser[self.current][key] = _file(value) if key == "verifycert" else value
        self._write()

    def _choose(self, name: str) -> None:
        if not name or name == CORE or any(sign in name for sign in "[]\n"):
            raise Wrong(f"A profile cannot be called {name!r}")
        for section in (CORE, name):
            if section not in self.parser:
                self.parser.add_section(section)
        self.parser[CORE]["profile"] = name

    def _write(self) -> None:
        with owned(self.path).open("w", encoding="utf-8") as file:
            self.parser.write(file)


def _hide(path: Path) -> None:
    """Have only its owner read a file of ours, though somebody wrote it by hand."""
    with contextlib.suppress(OSError):  # there is none, or it is another's
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            path.chmod(0o600)


def _file(value: str) -> str:
    """What `verifycert` is kept as: a file by its whole path, which holds wherever `cw` is called. Raises Wrong."""
    if value.lower() in (*YES, *NO):
        return value
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise Wrong(f"verifycert is true, false or a file of certificates; there is no file {path}")
    return str(path)


def owned(path: Path) -> Path:
    """`path`, as a file that only its owner reads; made where there is none, and the folders that lead to it. Raises
    Wrong."""
    try:
        for folder in (*reversed(path.parent.parents), path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.chmod(0o600)
    except OSError as error:
        places = "HOME, XDG_CONFIG_HOME and XDG_CACHE_HOME say where cw keeps what it knows"
        raise Wrong(f"{path} cannot be written: {error.strerror}", fix=[places]) from None
    return path
