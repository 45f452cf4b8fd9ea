# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bash, zsh and fish complete, with guests whose names are made to break them."""
import os
import pty
import select
import shutil
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from driver_host import TOPOLOGY, make_host
from virtpinctl import BINARY, Virtpinctl
from waiting import wait_until

COMPLETION = Path(__file__).parents[2] / "systemd" / "completion"
# Each by the beginning that is typed.
NAMES = {"sp": "sp ace", "ba": "ba\\ck\\x09", "co": "co:lon=x", "in": "in$(touch ran)`touch ran`;touch ran",
         "qu": "qu'o\"te", "gl": "gl*?[a]~", "wi": "wi虚ä"}
LINE = "virtpinctl --bus session explain "


@pytest.fixture
def shell(make_daemon, bus, tmp_path):
    """A folder with virtpinctl in PATH, and the environment of a shell there."""
    uri = make_host(tmp_path / "host.xml", len(NAMES))
    text = (tmp_path / "host.xml").read_text()
    for number, name in enumerate(NAMES.values()):
        text = text.replace(f">d{number}<", f">{escape(name)}<")
    (tmp_path / "host.xml").write_text(text, encoding="utf-8")
    make_daemon(uri, topology=TOPOLOGY)
    ctl = Virtpinctl(bus.address)
    wait_until(lambda: "sp ace" in ctl.run("list").stdout, "the guests are known")
    return {**ctl.environment, "PATH": f"{Path(BINARY).resolve().parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}


def need(program):
    if not shutil.which(program):
        pytest.skip(f"needs {program}; apt-get install {program}")


def run(environment, *words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True, env=environment,
                          cwd=environment["HOME"]).stdout


def test_bash(shell):
    for typed, name in NAMES.items():
        script = (f". {COMPLETION}/virtpinctl.bash; COMP_WORDS=({LINE}{typed}); COMP_CWORD=4;"
                  f"COMP_LINE='{LINE}{typed}'; COMP_POINT=${{#COMP_LINE}}; _virtpinctl; "
                  "eval \"printf '%s\\n' ${COMPREPLY[0]}\"")
        assert run(shell, "bash", "-c", script) == name + "\n"
    assert not (Path(shell["HOME"]) / "ran").exists()


def test_fish(shell):
    need("fish")
    for typed, name in NAMES.items():
        script = f"source {COMPLETION}/virtpinctl.fish; complete -C '{LINE}{typed}'"
        assert run(shell, "fish", "--no-config", "-c", script).partition("\t")[0] == name
    assert not (Path(shell["HOME"]) / "ran").exists()


def test_zsh(shell):
    """Typed on a terminal: zsh completes nowhere else. The line is evaluated by putting print before it."""
    need("zsh")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(shell["HOME"])
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**shell, "PS1": "", "TERM": "dumb"})
    shown = b""

    def read_until(text):
        nonlocal shown
        while text.encode() not in shown:
            assert select.select([terminal], [], [], 60)[0], f"not seen: {text}: {shown.decode()}"
            shown += os.read(terminal, 65536)
        shown = shown.partition(text.encode())[2]

    try:
        os.write(terminal, f"fpath=({COMPLETION} $fpath); autoload -U compinit; compinit -D; p() {{ print -r -- "
                           "$argv[-1]\"<END\"; }; print REA''DY\n".encode())
        read_until("READY")
        for typed, name in NAMES.items():
            os.write(terminal, f"{LINE}{typed}\t\x01p \n".encode())
            read_until(f"{name}<END")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    assert not (Path(shell["HOME"]) / "ran").exists()
