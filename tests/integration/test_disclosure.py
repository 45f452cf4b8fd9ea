# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an ordinary user learns of a definition: nothing that its owner wrote, whatever is called, goes wrong or is
announced."""
import json

import pytest

from private_bus import MANAGER, ROOT, SET_POLICY

SECRET = "s3cr3t"
# More lines than the diff compares one by one, between two places that a policy changes.
STRINGS = "".join(f"<entry>app:{SECRET}-{number}</entry>" for number in range(2500))
OWNERS = f"""<title>{SECRET}</title><description>{SECRET}</description>
  <metadata><app:key xmlns:app="http://{SECRET}.example/">{SECRET}</app:key></metadata>
  <sysinfo type="smbios"><oemStrings>{STRINGS}</oemStrings></sysinfo>"""


@pytest.fixture
def guest(make_guest):
    made = make_guest("secretive", vcpus=1, extra=OWNERS)
    made.definition = made.definition.replace(
        "</type></os>", f"</type><kernel>/boot/none</kernel><cmdline>token={SECRET}</cmdline></os>")
    return made.define()


@pytest.fixture(autouse=True)
def service(make_daemon, open_bus, client, guest):
    started = make_daemon(config='{"housekeeping": ""}')
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    return started


def leaks(text):
    """Not asserted on the text itself: pytest would compare it for minutes."""
    return SECRET in text


def planned(caller, guest):
    answer = caller.manager("Plan", "(ssa{sv})", guest.name, "passthrough", caller.options({"smt": "prefer"}))
    return next(domain for domain in json.loads(answer)["domains"] if domain["uuid"] == guest.uuid), answer


def test_plan_shows_everybody_only_what_is_ours(guest, user, polkit):
    assert leaks(guest.xml("--inactive"))
    plan, answer = planned(user, guest)
    assert not leaks(answer)
    assert plan["definition-diff-of"] == "own-elements"
    changed = plan["definition-diff"].splitlines()[2:]
    assert len(changed) < 60
    assert any(line.startswith("+") and "<vcpupin vcpu='0' cpuset=" in line for line in changed), changed
    assert all(line[0] in "+-@" for line in changed), "no context"


def test_plan_shows_all_of_it_to_who_may_set_the_policy(guest, client, user, polkit):
    polkit.allow(SET_POLICY)
    for caller in (client, user):
        plan, answer = planned(caller, guest)
        assert plan["definition-diff-of"] == "definition"
        assert leaks(answer), "the strings between what changes"


def test_plan_needs_no_polkit(guest, user):
    plan, answer = planned(user, guest)
    assert plan["definition-diff-of"] == "own-elements" and not leaks(answer)


def everything_readable(user, guest):
    """All that an ordinary user gets from the bus of the service and this guest."""
    objects = user.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    return json.dumps([objects, user.properties(ROOT, MANAGER), user.domain_properties(guest.uuid),
                       user.manager("ListDomains"), user.manager("Describe"), user.manager("ExportTopology", "(t)", 0),
                       user.domain(guest.uuid, "Explain"), planned(user, guest)])


def test_nothing_readable_has_it(guest, client, user):
    client.manager("SetPolicy", "(ssa{sv}t)", guest.name, "passthrough", client.options({"smt": "prefer"}), 0)
    assert not leaks(everything_readable(user, guest))
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert not leaks(everything_readable(user, guest))
