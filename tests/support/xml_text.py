# SPDX-License-Identifier: LGPL-2.1-or-later
"""XML as what it says."""


def normal(element):
    """What an element says: neither its blanks nor the order of its attributes."""
    return (element.tag, (element.text or "").strip(), sorted(element.attrib.items()),
            [normal(child) for child in element])
