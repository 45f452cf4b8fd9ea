# SPDX-License-Identifier: LGPL-2.1-or-later
"""Arguments, output and exit status."""
import argparse
import os
import sys

from . import interrupts, linux_guest, own_guest, tiny_guest
from .bus import Service
from .chart import to_svg
from .errors import INTERRUPTED, USAGE, Refused
from .policy_words import parse_policies
from .results import to_json
from .schedule import ROUNDS, ROUNDS_MIN
from .table import to_text

WINDOW_S, DOMAIN_WINDOW_S, WINDOW_MIN_S, WINDOW_MAX_S, ROUNDS_MAX = 1.0, 5.0, 0.05, 600.0, 1000


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Refused(f"{message}; virtpind-bench --help has all options", USAGE)


def make_parser():
    parser = Parser(prog="virtpind-bench", allow_abbrev=False, description="Measures what virtpind gives a guest: a "
                    "tiny one of its own under load, or one of yours. Everything is as before when it ends.")
    parser.add_argument("--domain", metavar="NAME", help="measure this running guest from the host, without load")
    parser.add_argument("--policies", metavar="LIST", help="with --domain: what is compared (none,dedicated)")
    parser.add_argument("--conditions", metavar="LIST", help="without --domain: only these conditions")
    parser.add_argument("--linux", action="store_true",
                        help="a Linux guest instead of the tiny one: timers, memory, distances of vCPUs")
    parser.add_argument("--kernel", metavar="FILE", help="with --linux: its kernel (the host's)")
    parser.add_argument("--rounds", type=int, metavar="N", default=ROUNDS,
                        help=f"how often each condition is measured ({ROUNDS})")
    parser.add_argument("--window", type=float, metavar="SECONDS",
                        help=f"how long each time ({WINDOW_S:g}; with --domain {DOMAIN_WINDOW_S:g})")
    parser.add_argument("--seed", type=int, metavar="N", default=1, help="of the random order (1)")
    parser.add_argument("--tcg", action="store_true", help="emulate the guest although KVM is there")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--svg", metavar="FILE", help="write a picture of it, too")
    parser.add_argument("--bus", choices=("system", "session"), default="system", help="the bus of virtpind (system)")
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


def check(settings):
    if not ROUNDS_MIN <= settings.rounds <= ROUNDS_MAX:
        raise Refused(f"--rounds: {settings.rounds} is not enough, or too much, to say something; give {ROUNDS_MIN} to "
                      f"{ROUNDS_MAX}", USAGE)
    if settings.window is None:
        settings.window = DOMAIN_WINDOW_S if settings.domain else WINDOW_S
    if not WINDOW_MIN_S <= settings.window <= WINDOW_MAX_S:
        raise Refused(f"--window: {settings.window:g} s; give {WINDOW_MIN_S:g} to {WINDOW_MAX_S:g} seconds", USAGE)
    if settings.domain and (settings.conditions or settings.tcg or settings.linux):
        raise Refused("--conditions, --tcg and --linux are for the guest that is measured without --domain; give "
                      "--policies", USAGE)
    if settings.kernel and not settings.linux:
        raise Refused("--kernel needs --linux, whose guest boots it", USAGE)
    if settings.policies and not settings.domain:
        raise Refused("--policies needs --domain NAME, the guest that gets them", USAGE)
    if settings.domain:
        settings.policies = parse_policies(settings.policies or "none,dedicated")
    if settings.conditions:
        settings.conditions = [name.strip() for name in settings.conditions.split(",")]


def open_picture(path):
    """Before minutes are spent on what cannot be written then."""
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        raise Refused(f"--svg: {path} cannot be written: {error.strerror}; name another file", USAGE) from None


def run(arguments, version):
    settings = make_parser().parse_args(arguments)
    if settings.version:
        print(f"virtpind-bench {version}")
        return
    check(settings)
    if not settings.domain:
        tiny_guest.check_host()
    picture = open_picture(settings.svg) if settings.svg else None
    service = Service(settings.bus)
    try:
        kind = own_guest if settings.domain else linux_guest if settings.linux else tiny_guest
        measurement = kind.measure(service, settings)
    finally:
        service.close()
    if picture:
        with picture:
            picture.write(to_svg(measurement, measurement.shown_metrics()))
    sys.stdout.write(to_json(measurement) if settings.json else to_text(measurement))


def main(arguments=None, version="of the source tree"):
    """The exit status."""
    interrupts.listen()
    try:
        run(sys.argv[1:] if arguments is None else arguments, version)
        sys.stdout.flush()
    except Refused as refused:
        print(f"virtpind-bench: {refused}", file=sys.stderr)
        return refused.status
    except KeyboardInterrupt:
        print("virtpind-bench: interrupted; policies and pins go back, and nothing is measured", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
