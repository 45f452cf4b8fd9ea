# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many transient domains of libvirt's test driver in a libvirtd, on an invented host of 512 CPUs."""
import re
import uuid

from private_bus import BusError
from waiting import wait_until

URI = "test+unix:///default"
TOPOLOGY = "synthetic:pack:2 [numa] l3:8 core:16 pu:2"


def definition(number):
    return (f"<domain type='test'><name>d{number}</name><uuid>{uuid.uuid4()}</uuid><memory>1024</memory>"
            "<vcpu>2</vcpu><os><type>hvm</type></os></domain>")


class Fleet:
    """Transient domains of libvirt's test driver, in a libvirtd: each start needs all its pins."""

    def __init__(self, connection, count):
        self.connection = connection
        self.definitions = [definition(number) for number in range(count)]
        self.domains = [connection.createXML(definition) for definition in self.definitions]

    def __len__(self):
        return len(self.domains)

    def restart(self, number):
        self.domains[number].destroy()
        self.domains[number] = self.connection.createXML(self.definitions[number])

    def remove(self):
        for domain in self.domains:
            domain.destroy()


def wait_all_pinned(daemon, client, fleet, deadline_s=120):
    """Asks the daemon once it says that it is so, not all the time: its answers cost something as well."""
    def says_so():
        said = re.findall(r"STATUS=.* (\d+) pinned,", "\n".join(daemon.read_notifications()))
        return said and int(said[-1]) >= len(fleet)

    def are_pinned():
        try:
            lines = client.manager("ListDomains")
        except BusError:
            return False
        states = [line[3] for line in lines if line[1] != "test"]  # the driver's own one
        return len(states) == len(fleet) and set(states) == {"pinned"}

    wait_until(says_so, lambda: f"all are pinned; said last: {daemon.read_notifications()[-1]}", deadline_s)
    wait_until(are_pinned, "all are pinned", deadline_s)
