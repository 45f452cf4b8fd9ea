# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's test driver inside the daemon: its default host, and hosts with many domains."""

TEST_URI = "test:///default"
TEST_UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"  # of the default host's only domain
TOPOLOGY = "synthetic:pack:1 [numa] l3:2 core:4 pu:2(indexes=2*8:8*1)"


def make_host(path, count):
    """A file for libvirt's test driver: a host with that many running domains."""
    path.write_text("<node>" + "".join(
        f"<domain type='test'><name>d{number}</name>"
        f"<uuid>11111111-2222-3333-4444-{number:012}</uuid><memory>1024</memory>"
        "<vcpu>2</vcpu><os><type>hvm</type></os></domain>" for number in range(count)) + "</node>")
    return f"test://{path}"
