#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages and the shipped configuration know the options the program has, and no others; the page of
the bus interface knows its members, their arguments and every error name.

check_manual.py VIRTPIND VIRTPINCTL [VIRTPIND-APPLET]
"""
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from project_files import ROOT, finish, project_files

DOC = "{http://www.freedesktop.org/dbus/1.0/doc.dtd}"
# virtpind-bench, from the source tree.
BENCH = [f"PYTHONPATH={ROOT / 'clients/bench'}", "/usr/bin/python3", "-B", "-m", "virtpind_bench"]
OPTION_ROW = re.compile(r'\{"([a-z]+)",\s*\w+,\s*"(\w+)",\s*\{([^}]*)\}')


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def section_of(page, title):
    """What is below a heading, up to the next one."""
    below = text_of(page).split(f"\n{title}\n{'=' * len(title)}\n")
    return re.split(r"^[A-Z].*\n=+$", below[1], flags=re.M)[0] if len(below) == 2 else ""


def command_line_problems(binary, command, page, title):
    shown = subprocess.run([binary, *command, "--help"], capture_output=True, text=True, check=True).stdout
    has = set(re.findall(r"^\s+(?:-\w,)?(--[a-z][a-z-]*)", shown, re.M)) - {"--help"}
    section = section_of(page, title)
    entries = dict(re.findall(r"^(--[a-z][a-z-]*).*\n((?: .*\n)+)", section, re.M))
    where = f"{page}, {title}"
    yield from (f"{where}: nothing about {name}" for name in sorted(has - entries.keys()))
    yield from (f"{where}: {name} does not exist" for name in sorted(entries.keys() - has - {"--help"}))
    # "--uri URI=qemu:///system", or "--uri URI [qemu:///system]" by a newer CLI11.
    for name, default in re.findall(r"^\s+(--[a-z][a-z-]*) \S+?(?:=| \[)([^\s=\]]+)\]?(?=\s|$)", shown, re.M):
        entry = " ".join(entries.get(name, "").split())
        if entry and f"Default: *{default}*" not in entry and f"*{default}* (default)" not in entry:
            yield f"{where}: {name} does not name its default {default}"
    for name, values in re.findall(r"^\s+(--[a-z][a-z-]*) ([a-z]+(?:\|[a-z]+)+)", shown, re.M):
        documented = set(re.findall(r"\*(\w+)\*", entries.get(name, "")))
        if documented != set(values.split("|")):
            yield f"{where}: {name} takes {values}, not {sorted(documented)}"


def client_problems(binary):
    """virtpinctl(1) has every verb and option of the program, and no others."""
    page = "systemd/man/virtpinctl.1.rst"

    def shown(*command):
        return subprocess.run([binary, *command, "--help"], capture_output=True, text=True, check=True).stdout

    listed = re.split(r"^Verbs:\n", shown(), flags=re.M)[1].split("\n\n")[0]
    verbs = set(re.findall(r"^  ([a-z]+)(?:, ?[a-z]+)*  +\S", listed, re.M))
    helps = [shown(), *(shown(verb) for verb in sorted(verbs))]
    has = {name for text in helps for name in re.findall(r"^\s+(?:-\w,)?(--[a-z][a-z-]*)", text, re.M)}
    documented = set(re.findall(r"^(?:-\w(?: [A-Z]+)?, )?(--[a-z][a-z-]*)", section_of(page, "OPTIONS"), re.M))
    described = set(re.findall(r"^\*\*([a-z]+)\*\*", section_of(page, "VERBS"), re.M))
    for what, program, manual in (("the option", has, documented), ("the verb", verbs, described)):
        yield from (f"{page}: nothing about {what} {name}" for name in sorted(program - manual))
        yield from (f"{page}: {what} {name} does not exist" for name in sorted(manual - program))
    if len(verbs) < 10:
        yield f"{binary} --help: the verbs are not where this test looks for them"
    yield from named_verb_problems(verbs | {"undo"})


def named_verb_problems(verbs):
    """What sentences of the code and examples in documents call a verb of virtpinctl is one."""
    prose = {"and", "gets", "here", "understands"}  # "this virtpinctl understands"
    code, example = r'"[^"\n]*?\bvirtpinctl ([a-z]+)', r"^ +(?:\$ )?virtpinctl (?:-q )?([a-z]+)"
    for path in project_files(".cpp", ".hpp", ".md", ".rst", ".catalog"):
        if path.parts[0] != "tests":
            named = re.findall(code if path.suffix in (".cpp", ".hpp") else example, text_of(path), re.M)
            yield from (f"{path}: virtpinctl has no verb {word}" for word in sorted(set(named) - verbs - prose))


def example_problems(binary, page):
    """The example of a scenario can be planned as it stands, and the argument - is explained."""
    example = re.search(r"::\n\n((?: +.*\n)+)", section_of(page, "SCENARIO")).group(1)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as scenario:
        scenario.write(example)
        scenario.flush()
        run = subprocess.run([binary, "plan", "--scenario", scenario.name], capture_output=True, text=True)
    if run.returncode != 0:
        yield f"{page}, SCENARIO: the example ends with status {run.returncode}: {run.stderr or run.stdout}"
    if "*-* is standard input" not in section_of(page, "ARGUMENTS"):
        yield f"{page}, ARGUMENTS: nothing about -"


def policy_problems():
    table = OPTION_ROW.findall(text_of("common/model/policy_options.cpp"))
    if len(table) < 10:
        yield "common/model/policy_options.cpp: the option table is not where this test looks for it"
    page, shipped = "systemd/man/virtpind.json.5.rst", "systemd/config/virtpind.json"
    documented = text_of(page).split("\nOPTIONS\n")[1].split("\nPRECEDENCE\n")[0]
    for name, signature, values in table:
        if f"{name} ({signature})" not in documented:
            yield f"{page}: nothing about {name} ({signature})"
        if f'"{name}":' not in text_of(shipped):
            yield f"{shipped}: nothing about {name}"
        for value in re.findall(r'"([^"]+)"', values):
            if f"*{value}*" not in documented:
                yield f"{page}: nothing about {name}={value}"
    names = {name for name, _, _ in table}
    for name in re.findall(r"^([a-z]+) \(\w+\)", documented, re.M):
        if name not in names:
            yield f"{page}: the option {name} does not exist"


def bus_problems():
    interfaces = [ROOT / f"dbus/org.virtpind1.{name}.xml" for name in ("Manager", "Domain")]
    page = subprocess.run([sys.executable, "-B", ROOT / "systemd/man/make_bus_manual.py", *interfaces],
                          capture_output=True, text=True, check=True).stdout
    for path in interfaces:
        interface = ElementTree.parse(path).getroot().find("interface")
        section = page.split(f"INTERFACE {interface.get('name')}\n")[1].split("\nINTERFACE ")[0]
        documented = re.findall(r"^\*\*(\w+)\*\* ", section, re.M)
        members = [member for member in interface if member.tag in ("method", "signal", "property")]
        if sorted(documented) != sorted(member.get("name") for member in members):
            yield f"org.virtpind1(5): {documented} are not the members of {path.name}"
        for member in members:
            entry = section.split(f"\n**{member.get('name')}** ")[1].split("\n**")[0]
            wanted = [f"{arg.get('type')} {arg.get('name')}" for arg in member.findall("arg")]
            wanted += [f"*{arg.get('name')}*: " for arg in member.findall("arg")]
            wanted += [member.get("type")] if member.tag == "property" else []
            yield from (f"org.virtpind1(5): {member.get('name')} without '{text}'" for text in wanted
                        if text not in entry)
    yield from error_problems(interfaces)


def error_problems(interfaces):
    """Every error name of the code is in the list of all, what a method lists is in the code, and each method that
    can fail lists something."""
    names = set(re.findall(r'"org\.[\w.]*Error\.(\w+)"', text_of("dbus/errors.cpp")))
    listed = {}
    for path in interfaces:
        interface = ElementTree.parse(path).getroot().find("interface")
        for member in [interface, *interface.findall("method")]:
            text = re.sub(r"org\.[\w.]*Error\.", "", "".join(member.find(DOC + "doc").itertext()))
            said = re.search(r"Errors:([^.]*)\.", text)
            listed[f"{path.name}: {member.get('name')}"] = set(re.findall(r"[A-Z]\w+", said.group(1) if said else ""))
    for where, errors in listed.items():
        yield from (f"{where} lists the error {name}, which does not exist" for name in sorted(errors - names))
        if not errors and not where.endswith(("ListDomains", "Describe", "org.virtpind1.Domain")):
            yield f"{where} lists no errors"
    everything = listed["org.virtpind1.Manager.xml: org.virtpind1.Manager"]
    yield from (f"org.virtpind1.Manager.xml: nothing about the error {name}" for name in sorted(names - everything))


def findings_problems(binary, page):
    """The page has every check of the doctor's table with its severity and what it is about, and no other."""
    table = text_of("common/model/check_table.cpp")
    names = re.findall(r'CheckInfo\{\s*\w+,\s*"([a-z0-9.-]+)",', table)
    if len(names) < 45:
        yield "common/model/check_table.cpp: the table of checks is not where this test looks for it"
    entries = dict(re.findall(r"^([a-z]+\.[a-z0-9-]+ \(\w+\))\n((?: .*\n)+)", section_of(page, "FINDINGS"), re.M))
    told = {}
    for name in names:
        shown = subprocess.run([binary, "doctor", "--explain", name], capture_output=True, text=True, check=True).stdout
        head, _, body = shown.partition("\n")
        told[head] = " ".join(body.partition("\n      so ")[0].split())
    yield from (f"{page}, FINDINGS: nothing about {head}" for head in told if head not in entries)
    yield from (f"{page}, FINDINGS: {head} does not exist" for head in entries if head not in told)
    for head, about in told.items():
        if head in entries and not " ".join(entries[head].split()).lower().startswith(about.lower()):
            yield f"{page}, FINDINGS: {head} is not about '{about}'"


def main(binary, client, *applets):
    finish([*client_problems(client),
            *(problem for applet in applets
              for problem in command_line_problems(applet, [], "systemd/man/virtpind-applet.1.rst", "OPTIONS")),
            *command_line_problems("env", BENCH, "systemd/man/virtpind-bench.1.rst", "OPTIONS"),
            *command_line_problems(binary, [], "systemd/man/virtpind.8.rst", "OPTIONS"),
            *command_line_problems(binary, ["restore"], "systemd/man/virtpind.8.rst", "RESTORE OPTIONS"),
            *command_line_problems(binary, ["migrate-xml"], "systemd/man/virtpind-migration.7.rst", "OPTIONS"),
            *command_line_problems(binary, ["doctor"], "systemd/man/virtpind-doctor.1.rst", "OPTIONS"),
            *findings_problems(binary, "systemd/man/virtpind-doctor.1.rst"),
            *command_line_problems(binary, ["plan"], "systemd/man/virtpind-plan.1.rst", "OPTIONS"),
            *example_problems(binary, "systemd/man/virtpind-plan.1.rst"), *policy_problems(), *bus_problems()])


main(*sys.argv[1:])
